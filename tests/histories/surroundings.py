"""What histories run in: a transaction that is rolled back, and DynamoDB in this process."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NoReturn

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import override_settings

from apps.conversations import attribution
from tasks import closing, erasing, outbox_hints, pipeline
from tests.histories.fast_dynamodb import fast_dynamodb
from tests.support.builders import project


@contextmanager
def surroundings() -> Iterator[None]:
    """Prepare this process for histories, and remove what they stored.

    Conversations close at midnight in UTC, without a quiet period.
    """
    with (
        transaction.atomic(),
        override_settings(CLOSING_QUIET_PERIOD=timedelta(0)),
        pytest.MonkeyPatch.context() as patch,
        fast_dynamodb(patch, table=settings.DYNAMODB_MESSAGE_TABLE),
        _without_garbage_collection(),
    ):
        _keep_one_transaction(patch)
        # A batch that fails is a deviation, and its events are not run alone.
        patch.setattr(pipeline, "outcome_of_all", _raise)
        # Every transaction has its own project.
        attribution._closing_rule.cache_clear()
        project(timezone="UTC")
        try:
            yield
        finally:
            transaction.set_rollback(True)


def _keep_one_transaction(patch: pytest.MonkeyPatch) -> None:
    """Make tasks keep the connection, whose transaction is rolled back, and publish no hints.

    Transactions within it need no savepoints: an error in one ends the run.
    """
    patch.setattr(outbox_hints.hints, "note", lambda *, has_answers: None)
    for module in (pipeline, closing, erasing):
        patch.setattr(module, "close_old_connections", lambda: None)
    patch.setattr(connection.features, "uses_savepoints", False)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Collect garbage only afterwards: the many objects of Django make it expensive."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _raise(error: Exception) -> NoReturn:
    raise error
