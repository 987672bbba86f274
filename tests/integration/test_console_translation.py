"""No page or file of the console has a text that is not marked for translation."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.support.builders import NOON
from tests.support.closings import at
from tests.support.console import made_days, made_shop
from tests.support.console_client import DRILLDOWN, FIGURES, MAY_SEE, browser, get
from tests.support.figures import answers
from tests.support.pseudo_language import LANGUAGE, OPEN, untranslated, use_pseudo_language

pytestmark = pytest.mark.django_db

# The names of the samples.
STORED = (r"\b(?:Shop|operator-\d+)\b",)
PAGES = {
    "figures": (FIGURES, {}),
    "month": (FIGURES, {"first": "2025-11-01", "last": "2026-11-30"}),
    "today": (FIGURES, {"first": "2026-11-23", "last": "2026-11-23"}),
    "error": (FIGURES, {"first": "2026-11-23", "last": "2026-11-22"}),
    "projects": ("admin:analytics_console_projects", {}),
    "empty": ("admin:analytics_console_projects", {"last": "2020-01-01"}),
    "answers": (DRILLDOWN, {"of": "csat", "score": "5"}),
    "hour": (DRILLDOWN, {"of": "opened", "hour": "9"}),
    "outreach": (DRILLDOWN, {"of": "closed", "outreach": "1"}),
    "figures file": ("admin:analytics_console_csv", {"table": "figures"}),
    "csat file": ("admin:analytics_console_csv", {"table": "csat-by-time"}),
    "projects file": ("admin:analytics_console_projects_csv", {}),
}


@pytest.fixture
def viewer(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Return the client of a user who reads the console in the pseudo-language."""
    settings.CONSOLE_ENABLED = True
    made_shop()
    made_days(9, a_day=6)
    answers([5], at=NOON)
    use_pseudo_language(monkeypatch)
    client = browser(*MAY_SEE)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = LANGUAGE
    with at(NOON):
        yield client


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_translated(viewer: Client, name: str) -> None:
    view, parameters = PAGES[name]

    answer = get(viewer, reverse(view), **parameters)

    assert answer.status_code == 200
    text = answer.content.decode("utf-8-sig")
    assert text.count(OPEN) > 5
    assert list(untranslated(text, stored=STORED)) == []


def test_a_text_that_is_not_marked_is_found() -> None:
    page = '<p>⟦%s of⟧ days</p><p title="Older">CSAT</p><p>⟦Score ⟦5⟧⟧ 12%</p>'

    assert list(untranslated(page)) == ["days", "Older"]
