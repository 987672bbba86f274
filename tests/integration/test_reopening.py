"""Closing and reopening by operators: a request in PostgreSQL, executed in its group."""

from datetime import datetime
from uuid import uuid4

import pytest

from apps.conversations.models import Conversation, Resolution
from apps.conversations.operator_requests import Refused, reopen, request_close, request_reopen
from tasks import closing as tasks
from tests.support.builders import NOON, conversation, found, place
from tests.support.closings import DAY, HOUR, MINUTE, at, closing_at, current, tick, write
from tests.support.service_queue import ServiceQueue
from tests.support.services import close_by_event
from tests.support.stored import archived, every_row_version, unarchived_items

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("aws")]

MIDNIGHT = datetime.fromisoformat("2026-11-24T03:00:00+00:00")
TICK = "close_due_conversations"
CLOSE = "close_conversation"
REOPEN = "reopen_conversation"


def close_by_hand(
    queue: ServiceQueue,
    chat: Conversation,
    moment: datetime,
    resolution: Resolution = Resolution.RESOLVED,
) -> list[str]:
    """Request a close, let a worker execute it, and return the tasks that ran."""
    request_close(conversation_uuid=chat.uuid, resolution=resolution, now=moment)
    return sweep(queue, moment)


def reopen_by_hand(queue: ServiceQueue, chat: Conversation, moment: datetime) -> list[str]:
    """Request a reopening, let a worker execute it, and return the tasks that ran."""
    request_reopen(conversation_uuid=chat.uuid, now=moment)
    return sweep(queue, moment)


def sweep(queue: ServiceQueue, moment: datetime) -> list[str]:
    """Run a tick and all pointers that it sends, and return the tasks that ran."""
    with at(moment):
        tick()
        return queue.work()


@pytest.mark.parametrize("resolution", [r for r in Resolution if r != Resolution.IN_PROGRESS])
def test_a_conversation_is_closed_by_hand_before_its_time(
    queue: ServiceQueue, resolution: Resolution
) -> None:
    """The quiet period does not apply: it postpones only closings at the project's closing time."""
    chat = closing_at(NOON + DAY)
    write(chat, created_at=NOON)

    assert close_by_hand(queue, chat, NOON, resolution) == [TICK, CLOSE]

    assert current(chat).resolution == resolution
    assert current(chat).ended_at == NOON
    assert current(chat).requested_resolution is None
    assert current(chat).message_count == 1


def test_until_its_execution_only_the_request_is_written() -> None:
    chat = closing_at(NOON + DAY)

    request_close(conversation_uuid=chat.uuid, resolution=Resolution.RESOLVED, now=NOON)

    assert current(chat).resolution == Resolution.IN_PROGRESS
    assert current(chat).requested_resolution == Resolution.RESOLVED
    assert current(chat).due_at == NOON


def test_an_event_that_closes_the_conversation_first_discards_the_request(
    queue: ServiceQueue,
) -> None:
    chat = closing_at(NOON + DAY)
    request_close(conversation_uuid=chat.uuid, resolution=Resolution.RESOLVED, now=NOON)
    close_by_event(
        resolution=Resolution.UNRESOLVED,
        sent_at=NOON,
        now=NOON,
    )

    assert sweep(queue, NOON) == [TICK]

    assert current(chat).resolution == Resolution.UNRESOLVED
    assert current(chat).requested_resolution is None


def test_an_impossible_request_is_refused_with_a_message() -> None:
    chat = conversation()
    ended = conversation(
        resolution=Resolution.RESOLVED, opened_at=NOON - HOUR, ended_at=NOON - MINUTE
    )

    with pytest.raises(Refused, match=rf"^{ended.uuid} is closed already, as resolved\.$"):
        request_close(conversation_uuid=ended.uuid, resolution=Resolution.RESOLVED, now=NOON)
    with pytest.raises(Refused, match=rf"^{chat.uuid} is in progress: .+\.$"):
        request_reopen(conversation_uuid=chat.uuid, now=NOON)
    with pytest.raises(Refused, match=rf"while {chat.uuid} of the same contact is in progress\."):
        request_reopen(conversation_uuid=ended.uuid, now=NOON)
    with pytest.raises(Refused, match=r"^There is no conversation .+\.$"):
        request_reopen(conversation_uuid=uuid4(), now=NOON)


def test_a_reopened_conversation_is_open_until_the_next_closing(queue: ServiceQueue) -> None:
    chat = closing_at(NOON + DAY)
    write(chat, created_at=NOON - MINUTE, message_id="before")
    close_by_hand(queue, chat, NOON)

    assert reopen_by_hand(queue, chat, NOON + HOUR) == [TICK, REOPEN]

    again = current(chat)
    assert again.resolution == Resolution.IN_PROGRESS
    assert (again.ended_at, again.archived_at, again.requested_resolution) == (None, None, None)
    past, present = again.spans.order_by("pk")
    assert (past.opened_at, past.ended_at) == (again.opened_at, NOON)
    assert (present.opened_at, present.ended_at) == (NOON + HOUR, None)
    assert again.closes_at == again.due_at == MIDNIGHT
    later = NOON + 2 * HOUR
    assert found(at=later, sent_at=later).conversation_uuid == chat.uuid
    write(chat, created_at=later, message_id="after")
    assert sweep(queue, MIDNIGHT) == [TICK, CLOSE]
    assert [one["id"] for one in archived(conversation_uuid=chat.uuid)] == ["before", "after"]
    assert current(chat).archived_at == MIDNIGHT


def test_a_reopening_is_refused_if_the_contact_has_written_since(queue: ServiceQueue) -> None:
    chat = closing_at(NOON + DAY)
    close_by_hand(queue, chat, NOON)
    request_reopen(conversation_uuid=chat.uuid, now=NOON + HOUR)
    found(at=NOON + HOUR, sent_at=NOON + HOUR)

    assert sweep(queue, NOON + HOUR) == [TICK, REOPEN]

    refused = current(chat)
    assert (refused.resolution, refused.ended_at) == (Resolution.RESOLVED, NOON)
    assert (refused.requested_resolution, refused.due_at) == (None, None)
    assert refused.close_requested_at is None
    assert sweep(queue, NOON + 2 * HOUR) == [TICK]


def test_a_conversation_can_be_closed_and_reopened_repeatedly_within_five_minutes(
    queue: ServiceQueue,
) -> None:
    """SQS keeps deduplication ids for five minutes, so each pointer needs its own."""
    chat = closing_at(NOON + DAY)
    for second in range(0, 40, 20):
        moment = NOON + second * MINUTE / 60
        assert close_by_hand(queue, chat, moment) == [TICK, CLOSE]
        assert current(chat).ended_at == moment
        assert reopen_by_hand(queue, chat, moment + MINUTE / 6) == [TICK, REOPEN]
        assert current(chat).resolution == Resolution.IN_PROGRESS


def test_a_close_pointer_that_is_sent_twice_is_queued_once(queue: ServiceQueue) -> None:
    closing_at(NOON)
    queue.strict.lose_answers(count=1, actions=["SendMessageBatch"])

    with at(NOON):
        tasks.close_due_conversations.run()

    assert len(queue.pointers()) == 1


def test_a_redelivered_close_pointer_does_not_close_a_reopened_conversation(
    queue: ServiceQueue,
) -> None:
    chat = closing_at(NOON)
    assert sweep(queue, NOON) == [TICK, CLOSE]
    reopen_by_hand(queue, chat, NOON + MINUTE)
    before = current(chat)

    with at(NOON + 2 * MINUTE):
        tasks.close_conversation.run(str(chat.uuid))
    assert current(chat).due_at == before.due_at
    assert current(chat).resolution == Resolution.IN_PROGRESS

    with at(MIDNIGHT):
        tasks.close_conversation.run(str(chat.uuid))
    assert current(chat).resolution == Resolution.UNCLASSIFIED


def test_a_redelivered_reopen_pointer_changes_nothing(queue: ServiceQueue) -> None:
    chat = closing_at(NOON)
    sweep(queue, NOON)
    reopen_by_hand(queue, chat, NOON + MINUTE)
    close_by_hand(queue, chat, NOON + 2 * MINUTE)
    before = every_row_version()

    with at(NOON + 3 * MINUTE):
        tasks.reopen_conversation.run(str(chat.uuid))

    assert every_row_version() == before


def test_a_closing_event_that_was_queued_before_the_reopening_does_not_close_it(
    queue: ServiceQueue,
) -> None:
    chat = closing_at(NOON)
    sweep(queue, NOON)
    reopen_by_hand(queue, chat, NOON + HOUR)

    for sent_at, closes in ((NOON + 59 * MINUTE, False), (NOON + 61 * MINUTE, True)):
        close_by_event(
            resolution=Resolution.RESOLVED,
            sent_at=sent_at,
            now=NOON + 2 * HOUR,
        )
        assert (current(chat).resolution == Resolution.RESOLVED) is closes


def test_a_pointer_from_before_the_end_of_the_last_conversation_reopens_nothing() -> None:
    """Its span would have begun in the past, and a close that has taken effect would end it."""
    chat = conversation(resolution=Resolution.RESOLVED, ended_at=NOON)
    conversation(
        resolution=Resolution.RESOLVED, opened_at=NOON + 2 * MINUTE, ended_at=NOON + 4 * MINUTE
    )
    request_reopen(conversation_uuid=chat.uuid, now=NOON + 5 * MINUTE)

    reopen(conversation_uuid=chat.uuid, place=place(queue_time=NOON + 3 * MINUTE))
    assert current(chat).resolution == Resolution.RESOLVED
    assert current(chat).requested_resolution == Resolution.IN_PROGRESS

    reopen(conversation_uuid=chat.uuid, place=place(queue_time=NOON + 5 * MINUTE))
    assert current(chat).resolution == Resolution.IN_PROGRESS


def test_messages_not_yet_archived_at_reopening_are_archived_before_they_expire(
    queue: ServiceQueue,
) -> None:
    """A worker was killed before archiving, and left a message that is a day old in DynamoDB."""
    chat = closing_at(NOON)
    write(chat, created_at=NOON - 24 * HOUR)
    close_by_event(
        resolution=Resolution.RESOLVED,
        sent_at=NOON,
        now=NOON,
    )
    reopen_by_hand(queue, chat, NOON + MINUTE)

    with at(NOON + 2 * MINUTE):
        tasks.archive_before_expiry.run()

    assert unarchived_items() == []
    assert len(list(archived(conversation_uuid=chat.uuid))) == 1
    assert current(chat).archive_check_at == NOON + 2 * MINUTE + DAY
