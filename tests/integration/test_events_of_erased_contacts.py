"""Events queued before their contact was erased have no effect; later events do."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from apps.analytics.models import SurveyAnswer
from apps.conversations.attribution import find_or_open
from apps.conversations.models import Conversation
from celery_sqs_fifo import FIRST_SENT_AT, QueuedEvent
from celery_sqs_fifo.delivery import Delivery
from tests.support.builders import (
    URN,
    close_body,
    deliver,
    incoming,
    message_body,
    queued_event,
    run_chain,
    survey_body,
    window_body,
)
from tests.support.erasures import REQUESTED, SECOND, deliver_history, erase, everything, group_of
from tests.support.stored import every_item, every_row_version, stored_entries

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("aws", "outbox_hints"),
]

BODIES = {
    "a message": message_body(message={"id": "in-flight", "created_at": ""}),
    "a message of the bot": message_body(event_type="message.sent", message={"id": "in-flight"}),
    "a late message": message_body(message={"id": "m-1", "text": "edited"}),
    "a window": window_body(),
    "a takeover": window_body(data={"has_chats_room": True}),
    "a close": close_body(),
    "an answer": survey_body(message={"id": "in-flight"}),
    "an answer with a message": survey_body(
        message={"id": "in-flight", "text": "5!", "source": "incoming"}
    ),
}
EVERY_EVENT = pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())


def redriven(*, body: str, first_sent_at: datetime) -> QueuedEvent:
    """Return a dead letter, first sent at this time, that is redriven long after the erasure."""
    milliseconds = str(int(first_sent_at.timestamp() * 1_000))
    again = str(int((REQUESTED + 3_600 * SECOND).timestamp() * 1_000))
    message = {
        "MessageId": "redriven",
        "ReceiptHandle": "handle",
        "Body": body,
        "Attributes": {
            "ApproximateReceiveCount": "1",
            "MessageGroupId": group_of(),
            "SentTimestamp": again,
            "SequenceNumber": "99",
        },
        "MessageAttributes": {FIRST_SENT_AT: {"DataType": "String", "StringValue": milliseconds}},
    }
    return QueuedEvent.of(Delivery.from_sqs(message, now=0, lease=60))


@EVERY_EVENT
@pytest.mark.parametrize("back", [0, 1], ids=["at that moment", "before it"])
def test_an_event_in_flight_has_no_effect(body: str, back: int) -> None:
    deliver_history()
    erase()
    before = every_row_version()

    event = queued_event(body=body, sent_at=REQUESTED - back * SECOND, group_id=group_of())
    assert deliver(event=event) is None

    assert every_row_version() == before
    assert every_item() == []


@EVERY_EVENT
def test_a_redriven_dead_letter_has_no_effect(body: str) -> None:
    deliver_history()
    erase()
    before = every_row_version()

    assert deliver(event=redriven(body=body, first_sent_at=REQUESTED - SECOND)) is None

    assert every_row_version() == before
    assert every_item() == []


def test_a_message_after_the_erasure_opens_a_new_conversation() -> None:
    deliver_history()
    erase()

    for body in (BODIES["a message"], BODIES["a window"], BODIES["an answer"]):
        event = queued_event(body=body, sent_at=REQUESTED + SECOND, group_id=group_of())
        assert deliver(event=event) is None

    opened = Conversation.objects.get()
    assert [one.message_id for one in stored_entries(conversation_uuid=opened.uuid)] == [
        "in-flight"
    ]
    assert (opened.external_id, opened.csat) == ("w-1", 5)
    assert SurveyAnswer.objects.get().conversation_id == opened.uuid


def test_an_event_in_flight_does_not_change_the_new_conversation() -> None:
    deliver_history()
    erase()
    new = queued_event(body=BODIES["a message"], sent_at=REQUESTED + SECOND, group_id=group_of())
    assert deliver(event=new) is None
    before = every_row_version(), every_item()

    for body in BODIES.values():
        assert deliver(event=queued_event(body=body, sent_at=REQUESTED)) is None

    assert (every_row_version(), every_item()) == before


def test_in_a_batch_only_the_events_of_the_erased_contact_have_no_effect() -> None:
    deliver_history()
    erase()
    bodies = {
        urn: message_body(urn=urn, message={"id": f"{urn}-1"})
        for urn in ("telegram:1", URN, "telegram:2")
    }

    works = run_chain(
        events=[
            queued_event(body=body, sent_at=REQUESTED, group_id=group_of(urn=urn))
            for urn, body in bodies.items()
        ]
    )

    assert [work.outcome for work in works] == [None] * 3
    assert set(Conversation.objects.values_list("contact_urn", flat=True)) == {
        "telegram:1",
        "telegram:2",
    }
    assert len(every_item()) == 2
    assert URN not in everything()


def test_the_check_for_erasures_costs_a_batch_no_statement(
    django_assert_num_queries: Callable[[int], Any],
) -> None:
    deliver_history()
    erase()
    find_or_open([incoming(urn="telegram:1")])

    with django_assert_num_queries(1):
        places = find_or_open(
            [incoming(urn="telegram:1"), incoming(sent_at=REQUESTED), incoming(urn="telegram:2")]
        )

    assert [place.conversation_uuid is None for place in places] == [False, True, False]


@pytest.mark.parametrize("name", ["a message", "a window", "an answer"])
def test_an_event_without_effect_is_logged_by_id_only(
    caplog: pytest.LogCaptureFixture, name: str
) -> None:
    deliver_history()
    erase()
    event = queued_event(body=BODIES[name], sent_at=REQUESTED)

    caplog.clear()
    with caplog.at_level(logging.INFO, logger="tasks"):
        deliver(event=event)

    (record,) = caplog.records
    assert vars(record)["message_id"] == event.message_id
    assert URN not in str(vars(record))
