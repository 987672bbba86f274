"""An error in a step determines the outcome of its event."""

import logging

import pytest
from django.db import DataError, IntegrityError, InterfaceError, OperationalError

from apps.common.errors import ConversationServiceError, InvalidEvent, Unavailable
from celery_sqs_fifo import Outcome, Result
from tasks.base import outcome_of

SECRET = "canary-of-a-contact"


def raised(error: Exception) -> Exception:
    """Return the error with a traceback, as if a step had raised it."""
    try:
        raise error
    except Exception as caught:
        return caught


def test_an_invalid_event_is_invalid_with_its_reason() -> None:
    outcome = outcome_of(InvalidEvent("no_channel_uuid", "data.channel_uuid is missing"))

    assert outcome == Outcome(Result.INVALID, "no_channel_uuid", "data.channel_uuid is missing")


def test_an_event_waits_for_an_unavailable_dependency() -> None:
    outcome = outcome_of(Unavailable("DynamoDB", "ThrottlingException"))

    assert outcome.result is Result.UNAVAILABLE
    assert outcome.error == "DynamoDB is unavailable: ThrottlingException"


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError])
def test_an_event_waits_for_a_database_that_does_not_respond(kind: type[Exception]) -> None:
    outcome = outcome_of(raised(kind(f"server closed the connection: {SECRET}")))

    assert outcome.result is Result.UNAVAILABLE
    assert "PostgreSQL" in outcome.error
    assert SECRET not in outcome.error


@pytest.mark.parametrize(
    "kind", [DataError, IntegrityError, KeyError, RecursionError, ConversationServiceError]
)
def test_every_other_error_is_a_bug_with_a_location_and_no_text(
    kind: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        outcome = outcome_of(raised(kind(f"invalid input: {SECRET}")))

    assert outcome.result is Result.BUG
    assert kind.__name__ in outcome.error
    assert "test_base.py" in outcome.error
    assert SECRET not in outcome.error
    assert SECRET not in caplog.text
    assert all(SECRET not in str(vars(record)) for record in caplog.records)
