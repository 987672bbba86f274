"""What the tests of random histories share with the integration tests."""

import gc
from collections.abc import Iterator
from typing import NoReturn

import pytest
from django.db import connection

from apps.conversations import attribution
from tasks import closing, outbox_hints, pipeline


@pytest.fixture(autouse=True)
def _no_cached_closing_rules() -> None:
    """Every test's database is new, and so are its projects."""
    attribution._closing_rule.cache_clear()


@pytest.fixture
def _one_transaction(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    """Tasks keep the connection, whose transaction the test rolls back, and publish no hints.

    Transactions within it need no savepoints: an error in one fails the test.
    """
    monkeypatch.setattr(outbox_hints.hints, "note", lambda *, has_answers: None)
    for module in (pipeline, closing):
        monkeypatch.setattr(module, "close_old_connections", lambda: None)
    monkeypatch.setattr(connection.features, "uses_savepoints", False)


@pytest.fixture
def _no_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that fails is an error of the test, and its events are not run alone."""
    monkeypatch.setattr(pipeline, "outcome_of_all", _raise)


@pytest.fixture
def _no_garbage_collection() -> Iterator[None]:
    """Collect garbage only after the test: the many objects of Django make it expensive."""
    gc.disable()
    yield
    gc.enable()


def _raise(error: Exception) -> NoReturn:
    raise error
