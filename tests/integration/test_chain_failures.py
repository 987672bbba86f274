"""What happens when a step cannot go on."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DataError, OperationalError

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
    pytest.mark.usefixtures("aws", "nudges"),
]

SECOND = timedelta(seconds=1)


def the_store_fails(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Has the next steps meet an error where messages are stored."""

    def fail(**_arguments: Any) -> None:
        raise error

    monkeypatch.setattr(store, "put", fail)


def test_an_answer_counts_for_the_same_conversation_whether_or_not_a_step_failed_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The text of a message that is an answer, too, is the contact writing."""
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
                the_store_fails(patch, Unavailable("DynamoDB", "ThrottlingException"))
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
def test_an_event_that_a_step_cannot_finish_takes_effect_when_it_runs_again(
    monkeypatch: pytest.MonkeyPatch, error: Exception, result: Result
) -> None:
    event = queued_event(body=numbered_message(0))
    with monkeypatch.context() as patch:
        the_store_fails(patch, error)
        outcome = deliver(event=event)
    assert outcome is not None
    assert outcome.result is result

    assert deliver(event=event) is None

    only = Conversation.objects.get()
    assert [one.message_id for one in stored_entries(conversation_uuid=only.uuid)] == ["m-0"]


def test_a_failing_event_holds_its_own_group_only(monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_an_invalid_event_holds_nobody(batch_size: int) -> None:
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


def test_a_first_queueing_that_no_clock_can_show_is_no_bug() -> None:
    """A sender may claim any `first_sent_at`; the transport takes up to thirteen digits."""
    event = queued_event(body=numbered_message(0))
    forged = type(event)(
        message_id=event.message_id,
        group_id=event.group_id,
        sequence_number=event.sequence_number,
        sent_at=9_999_999_999_999,
        body=event.body,
    )

    outcome = deliver(event=forged)

    assert outcome is None or outcome.result is Result.INVALID
