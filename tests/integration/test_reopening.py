"""Closing and reopening by hand: a wish in PostgreSQL, carried out when its turn comes."""

from datetime import datetime
from uuid import uuid4

import pytest

from apps.conversations.models import Conversation, Resolution
from apps.conversations.operator_requests import Refused, request_close, request_reopen
from apps.conversations.services import close
from tasks import closing as tasks
from tests.support.builders import NOON, contact, conversation, found
from tests.support.closings import DAY, HOUR, MINUTE, at, closing_at, current, tick, write
from tests.support.service_queue import ServiceQueue
from tests.support.stored import archived, every_item, every_row_version

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("aws")]

MIDNIGHT = datetime.fromisoformat("2026-11-24T03:00:00+00:00")
TICK = "close_due_conversations"
CLOSE = "close_conversation"
REOPEN = "reopen_conversation"


def closed_by_hand(
    queue: ServiceQueue,
    chat: Conversation,
    moment: datetime,
    resolution: Resolution = Resolution.RESOLVED,
) -> list[str]:
    """Ask for it, and let it be carried out; gives the tasks that ran."""
    request_close(conversation_uuid=chat.uuid, resolution=resolution, now=moment)
    return swept(queue, moment)


def reopened_by_hand(queue: ServiceQueue, chat: Conversation, moment: datetime) -> list[str]:
    """Ask for it, and let it be carried out; gives the tasks that ran."""
    request_reopen(conversation_uuid=chat.uuid, now=moment)
    return swept(queue, moment)


def swept(queue: ServiceQueue, moment: datetime) -> list[str]:
    """A tick and what follows from it."""
    with at(moment):
        tick()
        return queue.work()


@pytest.mark.parametrize("resolution", [r for r in Resolution if r != Resolution.IN_PROGRESS])
def test_a_conversation_is_closed_by_hand_before_its_time(
    queue: ServiceQueue, resolution: Resolution
) -> None:
    """Also while it is in use: the quiet period is for closings by time."""
    chat = closing_at(NOON + DAY)
    write(chat, created_at=NOON)

    assert closed_by_hand(queue, chat, NOON, resolution) == [TICK, CLOSE]

    assert current(chat).resolution == resolution
    assert current(chat).ended_at == NOON
    assert current(chat).requested_resolution is None
    assert current(chat).message_count == 1


def test_until_its_turn_comes_nothing_but_the_wish_is_written() -> None:
    chat = closing_at(NOON + DAY)

    request_close(conversation_uuid=chat.uuid, resolution=Resolution.RESOLVED, now=NOON)

    assert current(chat).resolution == Resolution.IN_PROGRESS
    assert current(chat).requested_resolution == Resolution.RESOLVED
    assert current(chat).due_at == NOON


def test_an_event_that_closes_it_first_makes_the_wish_void(queue: ServiceQueue) -> None:
    chat = closing_at(NOON + DAY)
    request_close(conversation_uuid=chat.uuid, resolution=Resolution.RESOLVED, now=NOON)
    close(
        contact=contact(),
        resolution=Resolution.UNRESOLVED,
        sent_at=NOON,
        takeover=None,
        now=NOON,
    )

    assert swept(queue, NOON) == [TICK]

    assert current(chat).resolution == Resolution.UNRESOLVED
    assert current(chat).requested_resolution is None


def test_what_cannot_be_is_refused_with_a_sentence() -> None:
    chat = conversation()
    ended = conversation(resolution=Resolution.RESOLVED, ended_at=NOON)

    with pytest.raises(Refused, match=rf"^{ended.uuid} is closed already, as resolved\.$"):
        request_close(conversation_uuid=ended.uuid, resolution=Resolution.RESOLVED, now=NOON)
    with pytest.raises(Refused, match=rf"^{chat.uuid} is in progress: .+\.$"):
        request_reopen(conversation_uuid=chat.uuid, now=NOON)
    with pytest.raises(Refused, match=rf"while {chat.uuid} of the same contact is in progress\."):
        request_reopen(conversation_uuid=ended.uuid, now=NOON)
    with pytest.raises(Refused, match=r"^There is no conversation .+\.$"):
        request_reopen(conversation_uuid=uuid4(), now=NOON)


def test_a_reopened_conversation_goes_on_until_the_next_closing(queue: ServiceQueue) -> None:
    chat = closing_at(NOON + DAY)
    write(chat, created_at=NOON - MINUTE, message_id="before")
    closed_by_hand(queue, chat, NOON)

    assert reopened_by_hand(queue, chat, NOON + HOUR) == [TICK, REOPEN]

    again = current(chat)
    assert again.resolution == Resolution.IN_PROGRESS
    assert (again.ended_at, again.archived_at, again.requested_resolution) == (None, None, None)
    assert again.opened_at == NOON + HOUR
    assert again.closes_at == again.due_at == MIDNIGHT
    later = NOON + 2 * HOUR
    assert found(at=later, sent_at=later).conversation_uuid == chat.uuid
    write(chat, created_at=later, message_id="after")
    assert swept(queue, MIDNIGHT) == [TICK, CLOSE]
    assert [one["id"] for one in archived(conversation_uuid=chat.uuid)] == ["before", "after"]
    assert current(chat).archived_at == MIDNIGHT


def test_it_is_refused_at_its_turn_if_the_contact_has_written_since(queue: ServiceQueue) -> None:
    chat = closing_at(NOON + DAY)
    closed_by_hand(queue, chat, NOON)
    request_reopen(conversation_uuid=chat.uuid, now=NOON + HOUR)
    found(at=NOON + HOUR, sent_at=NOON + HOUR)

    assert swept(queue, NOON + HOUR) == [TICK, REOPEN]

    refused = current(chat)
    assert (refused.resolution, refused.ended_at) == (Resolution.RESOLVED, NOON)
    assert (refused.requested_resolution, refused.due_at) == (None, None)
    assert refused.close_requested_at is None
    assert swept(queue, NOON + 2 * HOUR) == [TICK]


def test_it_can_be_closed_and_reopened_again_and_again_within_five_minutes(
    queue: ServiceQueue,
) -> None:
    """SQS remembers deduplication ids for five minutes: each pointer has to have its own."""
    chat = closing_at(NOON + DAY)
    for second in range(0, 40, 20):
        moment = NOON + second * MINUTE / 60
        assert closed_by_hand(queue, chat, moment) == [TICK, CLOSE]
        assert current(chat).ended_at == moment
        assert reopened_by_hand(queue, chat, moment + MINUTE / 6) == [TICK, REOPEN]
        assert current(chat).resolution == Resolution.IN_PROGRESS


def test_one_claim_that_is_sent_twice_is_one_pointer(queue: ServiceQueue) -> None:
    closing_at(NOON)
    queue.strict.lose_answers(count=1, actions=["SendMessageBatch"])

    with at(NOON):
        tasks.close_due_conversations.run()

    assert len(queue.pointers()) == 1


def test_a_close_pointer_that_comes_again_does_not_close_the_reopened_one(
    queue: ServiceQueue,
) -> None:
    chat = closing_at(NOON)
    assert swept(queue, NOON) == [TICK, CLOSE]
    reopened_by_hand(queue, chat, NOON + MINUTE)
    before = current(chat)

    with at(NOON + 2 * MINUTE):
        tasks.close_conversation.run(str(chat.uuid))
    assert current(chat).due_at == before.due_at
    assert current(chat).resolution == Resolution.IN_PROGRESS

    with at(MIDNIGHT):
        tasks.close_conversation.run(str(chat.uuid))
    assert current(chat).resolution == Resolution.UNCLASSIFIED


def test_a_reopen_pointer_that_comes_again_changes_nothing(queue: ServiceQueue) -> None:
    chat = closing_at(NOON)
    swept(queue, NOON)
    reopened_by_hand(queue, chat, NOON + MINUTE)
    closed_by_hand(queue, chat, NOON + 2 * MINUTE)
    before = every_row_version()

    with at(NOON + 3 * MINUTE):
        tasks.reopen_conversation.run(str(chat.uuid))

    assert every_row_version() == before


def test_a_closing_event_that_was_queued_before_the_reopening_does_not_close_it(
    queue: ServiceQueue,
) -> None:
    chat = closing_at(NOON)
    swept(queue, NOON)
    reopened_by_hand(queue, chat, NOON + HOUR)

    for sent_at, closes in ((NOON + 59 * MINUTE, False), (NOON + 61 * MINUTE, True)):
        close(
            contact=contact(),
            resolution=Resolution.RESOLVED,
            sent_at=sent_at,
            takeover=None,
            now=NOON + 2 * HOUR,
        )
        assert (current(chat).resolution == Resolution.RESOLVED) is closes


def test_what_its_closing_had_yet_to_move_is_archived_before_it_expires(
    queue: ServiceQueue,
) -> None:
    """Killed before the archive was made: its messages may be nearly two days old."""
    chat = closing_at(NOON)
    write(chat, created_at=NOON - 24 * HOUR)
    close(
        contact=contact(),
        resolution=Resolution.RESOLVED,
        sent_at=NOON,
        takeover=None,
        now=NOON,
    )
    reopened_by_hand(queue, chat, NOON + MINUTE)

    with at(NOON + 2 * MINUTE):
        tasks.archive_before_expiry.run()

    assert every_item() == []
    assert len(list(archived(conversation_uuid=chat.uuid))) == 1
    assert current(chat).archive_check_at == NOON + 2 * MINUTE + DAY
