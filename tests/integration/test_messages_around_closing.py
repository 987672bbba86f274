"""Messages and answers around the end of a conversation that its closing time closed."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from apps.conversations.answering import attribute_answer
from apps.conversations.attribution import Attribution
from apps.conversations.models import Conversation, Resolution
from tasks import closing as tasks
from tests.support.builders import (
    NOON,
    contact,
    conversation,
    deliver_bodies,
    found,
    message_body,
    numbered_message,
    place,
    project,
    queued_event,
    run_chain,
    survey_body,
)
from tests.support.closings import INSTANT, MINUTE, at, current, tick
from tests.support.service_queue import ServiceQueue
from tests.support.stored import archived, counted_calls, stored_entries, unarchived_items

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("aws", "outbox_hints"),
]

SECOND = timedelta(seconds=1)
WEEK = timedelta(days=7)
MIDNIGHT = datetime.fromisoformat("2026-11-24T03:00:00+00:00")


@pytest.fixture
def closed(queue: ServiceQueue) -> Conversation:
    """Return a conversation closed at midnight, with messages from noon to ten seconds later."""
    project()
    deliver_bodies(bodies=[numbered_message(0), numbered_message(4), numbered_message(10)])
    with at(MIDNIGHT):
        tick()
        queue.work()
    closed = Conversation.objects.get()
    assert closed.resolution == Resolution.UNCLASSIFIED
    assert (closed.first_message_at, closed.last_message_at) == (NOON, NOON + 2 * SECOND)
    return closed


def ids(uuid: UUID) -> list[str]:
    """Return the ids of a conversation's archived messages."""
    return [one["id"] for one in archived(conversation_uuid=uuid)]


def late_message(created_at: datetime) -> str:
    """Return a message of the default contact that was created at this time."""
    return message_body(message={"id": "late", "created_at": created_at.isoformat()})


@pytest.mark.parametrize(("offset", "index"), [(SECOND, 1), (5 * SECOND, 2), (60 * SECOND, 3)])
def test_a_message_queued_before_the_closing_is_archived_in_order(
    closed: Conversation, offset: timedelta, index: int
) -> None:
    deliver_bodies(bodies=[late_message(NOON + offset)], sent_at=NOON + offset)

    assert ids(closed.uuid).index("late") == index
    assert current(closed).message_count == 4
    assert unarchived_items() == []
    assert Conversation.objects.count() == 1


def test_the_late_messages_of_a_batch_are_archived_together(closed: Conversation) -> None:
    late = [
        queued_event(body=message_body(message={"id": f"late-{number}"}), sent_at=NOON + SECOND)
        for number in range(10)
    ]
    with counted_calls() as calls:
        run_chain(events=late)

    assert current(closed).message_count == 13
    assert calls == {"BatchWriteItem": 1, "Query": 2}


@pytest.mark.parametrize("created_at", [NOON - INSTANT, NOON + 5 * SECOND])
def test_a_message_queued_after_the_closing_opens_the_next_whatever_its_stamp(
    closed: Conversation, created_at: datetime
) -> None:
    deliver_bodies(bodies=[late_message(created_at)], sent_at=MIDNIGHT + MINUTE)

    (opened,) = Conversation.objects.exclude(pk=closed.pk)
    assert opened.resolution == Resolution.IN_PROGRESS
    assert (opened.started_at, opened.opened_at) == (created_at, MIDNIGHT + MINUTE)
    assert [one.message_id for one in stored_entries(conversation_uuid=opened.uuid)] == ["late"]
    assert len(ids(closed.uuid)) == 3


def test_the_next_message_opens_the_next_conversation(closed: Conversation) -> None:
    following = MIDNIGHT + SECOND
    body = message_body(message={"id": "next", "created_at": following.isoformat()})
    deliver_bodies(bodies=[body], sent_at=following)

    opened = Conversation.objects.get(resolution=Resolution.IN_PROGRESS)
    assert opened.started_at == opened.opened_at == following
    assert opened.closes_at == MIDNIGHT + timedelta(days=1)
    assert current(closed).message_count == 3


def test_the_pointer_separates_the_messages_of_two_conversations(
    queue: ServiceQueue, settings: Any
) -> None:
    """Only the pointer's place in the group counts, not when the closing was decided."""
    settings.CLOSING_QUIET_PERIOD = timedelta(0)
    project()
    deliver_bodies(bodies=[numbered_message(0)])
    with at(MIDNIGHT):
        tasks.close_due_conversations.run()
    old = Conversation.objects.get()
    deliver_bodies(bodies=[late_message(NOON + MINUTE)], sent_at=MIDNIGHT + SECOND)
    with at(MIDNIGHT + 2 * SECOND):
        assert queue.work() == ["close_conversation"]
    after = NOON + 2 * MINUTE
    body = message_body(message={"id": "after", "created_at": after.isoformat()})
    deliver_bodies(bodies=[body], sent_at=MIDNIGHT + 3 * SECOND)

    assert ids(old.uuid) == ["m-0", "late"]
    opened = Conversation.objects.get(resolution=Resolution.IN_PROGRESS)
    assert [one.message_id for one in stored_entries(conversation_uuid=opened.uuid)] == ["after"]


def test_a_late_message_belongs_to_its_conversation_while_the_next_is_in_progress(
    closed: Conversation,
) -> None:
    opened = conversation(opened_at=MIDNIGHT + SECOND)

    within = found(sent_at=NOON + 10 * SECOND)
    outside = found(at=NOON + 10 * SECOND, sent_at=MIDNIGHT + MINUTE)

    assert within == Attribution(conversation_uuid=closed.uuid, late=True)
    assert outside == Attribution(conversation_uuid=opened.uuid, late=False)


def test_an_answer_seven_days_after_the_closing_belongs_to_the_conversation(
    closed: Conversation,
) -> None:
    deliver_bodies(bodies=[survey_body(value="4")], sent_at=MIDNIGHT + WEEK)

    assert current(closed).csat == 4
    assert current(closed).message_count == 3
    assert Conversation.objects.count() == 1


@pytest.mark.parametrize(
    ("after", "belongs"), [(WEEK, True), (WEEK + timedelta(milliseconds=1), False)]
)
def test_an_answer_belongs_to_the_conversation_for_exactly_seven_days(
    closed: Conversation, after: timedelta, belongs: bool
) -> None:
    found_for = attribute_answer(
        contact=contact(),
        place=place(queue_time=MIDNIGHT + after),
        has_text_of_contact=False,
        contact_name="",
    )

    assert found_for
    assert found_for.conversation_uuid == (closed.uuid if belongs else None)
