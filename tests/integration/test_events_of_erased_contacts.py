"""Events queued before their contact was erased have no effect; later events do."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from apps.analytics.models import SurveyAnswer
from apps.conversations import erasing
from apps.conversations.attribution import find_or_open
from apps.conversations.models import Conversation
from celery_sqs_fifo import PLACE, Place, QueuedEvent
from celery_sqs_fifo.delivery import Delivery
from tests.support.builders import (
    CHANNEL,
    URN,
    close_body,
    deliver,
    incoming,
    message_body,
    queued_event,
    run_chain,
    sequence_at,
    survey_body,
    window_body,
)
from tests.support.erasures import (
    OTHER_CHANNEL,
    POINTER_NUMBER,
    REQUESTED,
    SECOND,
    carry_out,
    deliver_history,
    erase,
    everything,
    group_of,
    request,
)
from tests.support.stored import every_item, every_row_version, items_as_text, stored_entries

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
MILLISECOND = timedelta(milliseconds=1)
EVERY_EVENT = pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())


def redriven(*, body: str, first_sent_at: datetime) -> QueuedEvent:
    """Return a dead letter, first sent at this time, that is redriven long after the erasure."""
    place = str(Place(int(first_sent_at.timestamp() * 1_000), 1, group_of()))
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
        "MessageAttributes": {PLACE: {"DataType": "String", "StringValue": place}},
    }
    return QueuedEvent.of(Delivery.from_sqs(message, now=0, lease=60))


# Places before the pointer: earlier, or in its millisecond and before it in its group, or in its
# millisecond in another group.
BEFORE = {
    "a second before": (REQUESTED - SECOND, 0, group_of()),
    "just before in its group": (REQUESTED, POINTER_NUMBER - 1, group_of()),
    "before in its group by number": (REQUESTED + SECOND, -(10**10), group_of()),
    "in its millisecond in another group": (REQUESTED, 999_999, "another"),
}
AFTER = {
    "a second after": (REQUESTED + SECOND, 0, group_of()),
    "just after in its group": (REQUESTED, POINTER_NUMBER + 1, group_of()),
    "a millisecond after in another group": (REQUESTED + MILLISECOND, 0, "another"),
}


def at_place(body: str, where: tuple[datetime, int, str]) -> QueuedEvent:
    """Return an event with this queue time, number in its millisecond, and group."""
    sent_at, number, group = where
    sequence = str(sequence_at(sent_at, number=number))
    return queued_event(body=body, sent_at=sent_at, group_id=group, sequence_number=sequence)


@EVERY_EVENT
@pytest.mark.parametrize("where", BEFORE.values(), ids=BEFORE)
def test_an_event_in_flight_has_no_effect(body: str, where: tuple[datetime, int, str]) -> None:
    deliver_history()
    erase()
    before = every_row_version()

    assert deliver(event=at_place(body, where)) is None

    assert every_row_version() == before
    assert every_item() == []


@pytest.mark.parametrize("where", AFTER.values(), ids=AFTER)
def test_a_message_after_the_erasure_opens_a_new_conversation(
    where: tuple[datetime, int, str],
) -> None:
    deliver_history()
    erase()

    assert deliver(event=at_place(BODIES["a message"], where)) is None

    opened = Conversation.objects.get()
    assert opened.group_id == where[2]
    assert len(stored_entries(conversation_uuid=opened.uuid)) == 1


@pytest.mark.parametrize("hours", [-24, 24])
def test_the_clock_of_the_operator_does_not_matter(hours: int) -> None:
    deliver_history()
    asked = request(now=REQUESTED + hours * 3_600 * SECOND)
    carry_out(asked)
    before, after = (
        at_place(BODIES["a message"], where)
        for where in (BEFORE["a second before"], AFTER["a second after"])
    )

    assert deliver(event=before) is None
    assert not Conversation.objects.exists()
    assert deliver(event=after) is None
    assert Conversation.objects.exists()


def test_an_event_before_the_pointer_takes_effect_until_the_pointer_runs() -> None:
    """Nobody may wait for an erasure whose pointer is lost."""
    deliver_history()
    asked = request()

    event = at_place(BODIES["a message"], BEFORE["a second before"])
    assert deliver(event=event) is None
    assert "in-flight" in items_as_text()
    carry_out(asked)

    assert every_item() == []


@EVERY_EVENT
def test_an_event_that_waits_for_the_lock_of_an_erasure_has_no_effect(
    monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    """It began before the erasure was committed."""
    deliver_history()
    erasure = request()
    locked, may_commit = threading.Event(), threading.Event()
    complete = erasing.complete

    def complete_slowly(*arguments: Any, **values: Any) -> None:
        complete(*arguments, **values)
        locked.set()
        may_commit.wait(timeout=10)

    def erase_in_thread() -> None:
        try:
            carry_out(erasure)
        finally:
            connection.close()

    monkeypatch.setattr(erasing, "complete", complete_slowly)
    thread = threading.Thread(target=erase_in_thread)
    thread.start()
    assert locked.wait(timeout=10)
    threading.Timer(0.3, may_commit.set).start()
    # It is the first event on its channel, so it is in no span.
    body = body.replace(str(CHANNEL), str(OTHER_CHANNEL))
    assert deliver(event=at_place(body, BEFORE["a second before"])) is None
    thread.join(timeout=30)

    assert URN not in everything()


@EVERY_EVENT
def test_a_redriven_dead_letter_has_no_effect(body: str) -> None:
    deliver_history()
    erase()
    before = every_row_version()

    assert deliver(event=redriven(body=body, first_sent_at=REQUESTED - SECOND)) is None

    assert every_row_version() == before
    assert every_item() == []


def test_windows_and_answers_after_the_erasure_belong_to_the_new_conversation() -> None:
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


def test_the_check_for_erasures_needs_no_additional_statement(
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
