"""A conversation is claimed at its closing time and closed through its group."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.conversations import closing
from apps.conversations.models import Conversation, Resolution
from apps.conversations.selectors import contact_of
from apps.conversations.windows import WindowUpdate
from tasks import closing as tasks
from tests.support.builders import (
    CHANNEL,
    NOON,
    PROJECT,
    deliver_bodies,
    numbered_message,
    place,
    project,
)
from tests.support.closings import (
    HOUR,
    INSTANT,
    MINUTE,
    at,
    closing_at,
    current,
    many_due,
    tick,
)
from tests.support.service_queue import ServiceQueue
from tests.support.services import apply_window
from tests.support.stored import archived, unarchived_items

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("aws")]

TICK = "close_due_conversations"
CLOSE = "close_conversation"
JOINS = ("nestloop", "hashjoin", "mergejoin")


def test_a_conversation_is_closed_at_its_closing_time_and_archived(queue: ServiceQueue) -> None:
    """Midnight in Sao Paulo is 03:00 in UTC."""
    project()
    deliver_bodies(bodies=[numbered_message(0), numbered_message(1)])
    opened = Conversation.objects.get()
    midnight = datetime.fromisoformat("2026-11-24T03:00:00+00:00")
    assert (opened.closes_at, opened.due_at) == (midnight, midnight)

    with at(midnight - INSTANT):
        tick()
        assert queue.work() == [TICK]
    assert current(opened).resolution == Resolution.IN_PROGRESS

    with at(midnight):
        tick()
        assert queue.work() == [TICK, CLOSE]

    closed = current(opened)
    assert closed.resolution == Resolution.UNCLASSIFIED
    assert (closed.ended_at, closed.archived_at) == (midnight, midnight)
    assert (closed.due_at, closed.close_requested_at) == (None, None)
    assert [one["id"] for one in archived(conversation_uuid=closed.uuid)] == ["m-0", "m-1"]
    assert unarchived_items() == []


def test_a_close_pointer_goes_through_the_conversations_group(queue: ServiceQueue) -> None:
    due = closing_at(NOON)
    with at(NOON):
        tasks.close_due_conversations.run()

    (pointer,) = queue.deliveries()
    assert pointer.group_id == due.group_id
    assert pointer.is_celery


def test_a_conversation_ends_at_the_queue_time_of_its_pointer() -> None:
    """A window that is queued a minute after the pointer opens the next conversation."""
    due = closing_at(NOON)
    five_minutes_ahead = NOON + 5 * MINUTE
    with at(five_minutes_ahead), queued_at(NOON + MINUTE):
        tasks.close_conversation.run(str(due.uuid))
        opened = apply_window(
            WindowUpdate(external_id="w-1", contact_name=""), sent_at=NOON + 2 * MINUTE
        )

    assert current(due).ended_at == NOON + MINUTE
    assert current(due).archived_at == five_minutes_ahead
    assert opened
    assert opened.conversation_uuid != due.uuid


@contextmanager
def queued_at(moment: datetime) -> Iterator[None]:
    """Run the block as if its pointers had been queued at this moment."""
    task = tasks.close_conversation
    task.push_request(place=str(place(queue_time=moment)))
    try:
        yield
    finally:
        task.pop_request()


@pytest.mark.usefixtures("queue")
@pytest.mark.parametrize("join", JOINS)
def test_the_longest_due_are_claimed_first_however_postgresql_joins(join: str) -> None:
    due = many_due(50)

    with joining_by(join):
        claims = closing.claim_due(limit=30, now=NOON)

    assert [claim.conversation_uuid for claim in claims] == [one.uuid for one in due[:30]]


@contextmanager
def joining_by(join: str) -> Iterator[None]:
    """Make PostgreSQL use only this kind of join, if it can."""
    others = [f"enable_{other}" for other in JOINS if other != join]
    with connection.cursor() as cursor:
        for setting in others:
            cursor.execute(f"SET {setting} = off")
        try:
            yield
        finally:
            for setting in others:
                cursor.execute(f"RESET {setting}")


def test_a_claim_without_a_pointer_expires_after_15_minutes() -> None:
    """A worker was killed between claiming and sending."""
    due = closing_at(NOON)
    (lost,) = closing.claim_due(limit=9, now=NOON)

    assert closing.claim_due(limit=9, now=NOON) == []
    assert closing.claim_due(limit=9, now=NOON + 15 * MINUTE - INSTANT) == []
    (again,) = closing.claim_due(limit=9, now=NOON + 15 * MINUTE)

    assert lost.conversation_uuid == again.conversation_uuid == due.uuid
    assert lost.claimed_at != again.claimed_at


def test_a_claim_whose_pointer_cannot_be_sent_is_returned_at_once(queue: ServiceQueue) -> None:
    due = many_due(25)
    queue.strict.fail_entries(status=500, code="InternalError", count=1)

    with at(NOON):
        tasks.close_due_conversations.run()
        assert len(queue.pointers()) == 15
        assert {current(one).close_requested_at for one in due[:10]} == {None}
        tasks.close_due_conversations.run()

    assert sorted(queue.pointers()) == sorted((CLOSE, [str(one.uuid)]) for one in due[:10])


def test_while_sqs_is_down_claims_are_returned_at_once(
    queue: ServiceQueue,
) -> None:
    due = many_due(3)
    queue.strict.fail(status=503, code="ServiceUnavailable")
    with at(NOON):
        tasks.close_due_conversations.run()
    queue.strict.clear_faults()

    with at(NOON + MINUTE):
        tasks.close_due_conversations.run()

    assert len(queue.pointers()) == len(due)


@pytest.mark.parametrize(("due", "next_ticks"), [(2, 0), (3, 1), (4, 1)])
def test_a_full_page_sends_the_next_tick(
    queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch, due: int, next_ticks: int
) -> None:
    monkeypatch.setattr(tasks, "PAGE", 3)
    many_due(due)

    with at(NOON):
        tasks.close_due_conversations.run()
        assert [name for name, _ in queue.pointers()].count(TICK) == next_ticks


def test_one_tick_closes_any_number_of_due_conversations(
    queue: ServiceQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "PAGE", 3)
    many_due(7)

    with at(NOON):
        tick()
        ran = queue.work()

    assert (ran.count(TICK), ran.count(CLOSE)) == (3, 7)
    assert not Conversation.objects.filter(resolution=Resolution.IN_PROGRESS).exists()


def test_no_more_are_claimed_while_many_wait_on_the_queue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(closing, "MAX_WAITING", 5)
    many_due(12)
    numbers = [len(closing.claim_due(limit=3, now=NOON + INSTANT * n)) for n in range(4)]
    assert numbers == [3, 2, 0, 0]

    closed = Conversation.objects.exclude(close_requested_at=None).order_by("due_at")[0]
    closing.close_if_due(
        contact=contact_of(closed),
        conversation_uuid=closed.uuid,
        newest=None,
        place=place(),
        now=NOON,
    )
    assert len(closing.claim_due(limit=3, now=NOON + 4 * INSTANT)) == 1

    later = NOON + MINUTE + 4 * INSTANT
    assert len(closing.claim_due(limit=9, now=later)) == 5


def test_a_page_of_a_hundred_costs_two_statements_and_eleven_sends(
    queue: ServiceQueue,
) -> None:
    project()
    Conversation.objects.bulk_create(
        Conversation(
            project_id=PROJECT,
            channel_uuid=CHANNEL,
            contact_urn=f"telegram:{number}",
            group_id=f"group-{number}",
            started_at=NOON - HOUR,
            opened_at=NOON - HOUR,
            closes_at=NOON,
            due_at=NOON,
        )
        for number in range(tasks.PAGE)
    )

    with at(NOON), CaptureQueriesContext(connection) as queries:
        tasks.close_due_conversations.run()

    assert tasks.PAGE == 100
    assert len(queries) <= 0.02 * tasks.PAGE
    # One more call sends the next tick.
    assert queue.strict.call_counts() == {"SendMessageBatch": 0.1 * tasks.PAGE, "SendMessage": 1}
