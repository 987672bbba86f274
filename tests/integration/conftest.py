"""What the tests of the domain share."""

import pytest

from apps.conversations import attribution
from tasks import pipeline


@pytest.fixture(autouse=True)
def _no_cached_closing_rules() -> None:
    """Every test's database is new, and so are its projects."""
    attribution._closing_rule.cache_clear()


@pytest.fixture
def nudges(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each hint that the data lake is to be told; none is published."""
    nudges: list[str] = []
    monkeypatch.setattr(pipeline, "nudge", lambda: nudges.append("nudge"))
    return nudges
