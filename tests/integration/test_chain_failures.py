"""Failures of steps: what is held, and what takes effect later."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import DataError, OperationalError, connection, transaction

from apps.analytics.models import SurveyAnswer
from apps.common.errors import Unavailable
from apps.conversations.models import Conversation
from apps.messages import store
from celery_sqs_fifo import Result
from tests.integration.test_chain import EITHER_WAY, run_in_batches
from tests.support.builders import (
    NOON,
    conversation,
    deliver,
    message_body,
    numbered_message,
    queued_event,
    run_chain,
)
from tests.support.stored import every_item, stored_entries

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("aws", "outbox_hints"),
]

SECOND = timedelta(seconds=1)


def make_the_store_fail(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Make storing messages raise an error."""

    def fail(**_arguments: Any) -> None:
        raise error

    monkeypatch.setattr(store, "put", fail)


def test_a_failed_step_does_not_change_the_conversation_of_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An answer with a text also counts as a message from the contact.

    A failed run may have noted that already. The next run must still choose the conversation that
    it would have chosen without this note.
    """
    answers = []
    for urn, fails_first in (("telegram:1", False), ("telegram:2", True)):
        current = conversation(urn=urn, contact_wrote=False)
        event = queued_event(
            body=message_body(urn=urn, data={"key": "weni_csat", "value": "5"}),
            group_id=urn,
            sent_at=NOON + SECOND,
        )
        if fails_first:
            with monkeypatch.context() as patch:
                make_the_store_fail(patch, Unavailable("DynamoDB", "ThrottlingException"))
                deliver(event=event)
        assert deliver(event=event) is None
        answer = SurveyAnswer.objects.get(contact_urn=urn)
        answers.append(answer.conversation_id == current.uuid)

    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (Unavailable("DynamoDB", "ThrottlingException"), Result.UNAVAILABLE),
        (OperationalError("server closed the connection"), Result.UNAVAILABLE),
        (DataError("invalid input"), Result.BUG),
        (ZeroDivisionError(), Result.BUG),
    ],
)
def test_an_event_that_failed_in_a_step_takes_effect_when_it_runs_again(
    monkeypatch: pytest.MonkeyPatch, error: Exception, result: Result
) -> None:
    event = queued_event(body=numbered_message(0))
    with monkeypatch.context() as patch:
        make_the_store_fail(patch, error)
        outcome = deliver(event=event)
    assert outcome is not None
    assert outcome.result is result

    assert deliver(event=event) is None

    only = Conversation.objects.get()
    assert [one.message_id for one in stored_entries(conversation_uuid=only.uuid)] == ["m-0"]


def test_a_failing_event_holds_only_its_own_group(monkeypatch: pytest.MonkeyPatch) -> None:
    real = store.put

    def put(**arguments: Any) -> None:
        if arguments["entry"].message_id == "m-1":
            raise Unavailable("DynamoDB", "ThrottlingException")
        real(**arguments)

    def put_all(**_arguments: Any) -> None:
        raise DataError("one of them is at fault")

    monkeypatch.setattr(store, "put", put)
    monkeypatch.setattr(store, "put_all", put_all)
    bodies = [
        (numbered_message(0), "a"),
        (numbered_message(1), "a"),
        (numbered_message(2), "a"),
        (numbered_message(3), "b"),
    ]

    works = run_chain(events=[queued_event(body=body, group_id=group) for body, group in bodies])

    results = [work.outcome and work.outcome.result for work in works]
    assert results == [None, Result.UNAVAILABLE, Result.WAITING, None]


@EITHER_WAY
def test_an_invalid_event_holds_no_other_event(batch_size: int) -> None:
    bodies = [
        numbered_message(0),
        "not JSON",
        numbered_message(2),
        message_body(data={"channel_uuid": None}),
    ]

    works = run_in_batches(
        events=[queued_event(body=body) for body in bodies], batch_size=batch_size
    )

    assert [work.outcome and work.outcome.reason for work in works] == [
        None,
        "not_json",
        None,
        "no_channel_uuid",
    ]
    assert len(every_item()) == 2


def test_a_statement_that_hits_its_time_limit_may_be_the_fault_of_its_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def take_too_long(**_arguments: Any) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 20")
            cursor.execute("SELECT pg_sleep(10)")

    monkeypatch.setattr(store, "put", take_too_long)

    outcome = deliver(event=queued_event(body=numbered_message(0)))

    assert outcome is not None
    assert (outcome.result, outcome.reason) == (Result.UNAVAILABLE, "time_limit")
    assert outcome.may_be_own


def test_an_event_with_the_latest_possible_queue_time_is_not_a_bug() -> None:
    event = queued_event(body=numbered_message(0))
    latest = replace(event.place, queue_time=10**13 - 1)

    outcome = deliver(event=replace(event, place=latest))

    assert outcome is None or outcome.result is Result.INVALID
