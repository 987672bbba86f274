"""Takeovers: each belongs to one conversation, which is closed or marked, and none is dropped."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.conversations import answering, takeovers, windows
from apps.conversations.attribution import find_or_open
from apps.conversations.models import Conversation, EarlierClosing, Resolution
from apps.conversations.operator_requests import reopen, request_reopen
from apps.conversations.spans import NewestMessage
from apps.conversations.takeovers import TakenOver
from apps.conversations.windows import WindowUpdate
from tests.support.builders import HOME, NOON, contact, conversation, found, incoming, place
from tests.support.services import apply_window, close_by_event, take_over
from tests.support.stored import every_row_version

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
WINDOW = WindowUpdate(
    external_id="w-1",
    contact_name="Bia",
    start=NOON,
    end=NOON + HOUR,
    ticket_uuid="t-1",
    agent_uuid="a-1",
)

pytestmark = pytest.mark.django_db


def taken_over(*, sent_at: datetime, window: WindowUpdate = WINDOW, group: str = HOME) -> TakenOver:
    """Run a takeover twice. The second run must change nothing. Return the effect of the first."""
    effect = take_over(window, sent_at=sent_at, group=group)
    before = every_row_version()
    again = take_over(window, sent_at=sent_at, group=group)
    assert every_row_version() == before
    assert again.conversation_uuid == effect.conversation_uuid
    assert again.to_migrate == effect.to_migrate
    assert (again.closed, again.opened) == (False, False)
    return effect


def closed(*, ended_at: datetime = NOON, **fields: Any) -> Conversation:
    """Return a conversation of an hour that was closed as resolved."""
    return conversation(
        resolution=Resolution.RESOLVED, opened_at=ended_at - HOUR, ended_at=ended_at, **fields
    )


def message(sent_at: datetime) -> Conversation:
    """Deliver a message from the contact. Return its conversation."""
    (attribution,) = find_or_open([incoming(sent_at=sent_at)])
    assert attribution.conversation_uuid
    return Conversation.objects.get(uuid=attribution.conversation_uuid)


def test_the_conversation_in_progress_is_closed_and_has_the_fields_of_the_window() -> None:
    current = conversation()

    effect = taken_over(sent_at=NOON + SECOND)

    current.refresh_from_db()
    assert (effect.conversation_uuid, effect.closed, effect.opened) == (current.uuid, True, False)
    assert effect.to_migrate == [current.uuid]
    assert current.resolution == Resolution.HAS_CHAT_ROOM
    assert current.has_chats_room
    assert current.ended_at == NOON + SECOND
    assert (current.external_id, current.contact_name) == ("w-1", "Bia")
    assert (current.window_start, current.window_end) == (NOON, NOON + HOUR)
    assert (current.ticket_uuid, current.agent_uuid) == ("t-1", "a-1")


def test_a_takeover_without_fields_keeps_those_of_the_conversation() -> None:
    current = conversation()
    apply_window(WINDOW, sent_at=NOON + SECOND)

    taken_over(sent_at=NOON + 2 * SECOND, window=WindowUpdate())

    current.refresh_from_db()
    assert (current.external_id, current.contact_name) == ("w-1", "Bia")
    assert (current.window_end, current.ticket_uuid) == (NOON + HOUR, "t-1")


def test_a_conversation_that_ended_within_a_day_is_marked_and_keeps_its_end() -> None:
    ended = closed()

    effect = taken_over(sent_at=NOON + DAY)

    ended.refresh_from_db()
    assert (effect.conversation_uuid, effect.closed, effect.opened) == (ended.uuid, False, False)
    assert (ended.resolution, ended.has_chats_room) == (Resolution.HAS_CHAT_ROOM, True)
    assert ended.ended_at == NOON
    assert ended.ticket_uuid == "t-1"


def test_a_setting_says_for_how_long_a_conversation_is_marked(settings: Any) -> None:
    settings.TAKEOVER_MAX_DELAY = HOUR
    ended = closed()

    effect = taken_over(sent_at=NOON + HOUR + SECOND)

    ended.refresh_from_db()
    assert effect.opened
    assert (ended.resolution, ended.has_chats_room) == (Resolution.RESOLVED, False)


def test_without_a_conversation_of_the_last_day_one_opens_and_closes_at_once() -> None:
    earlier = closed(ended_at=NOON - DAY - SECOND)

    effect = taken_over(sent_at=NOON)

    opened = Conversation.objects.exclude(uuid=earlier.uuid).get()
    assert (effect.conversation_uuid, effect.closed, effect.opened) == (opened.uuid, True, True)
    assert effect.to_migrate == [opened.uuid]
    assert (opened.resolution, opened.has_chats_room) == (Resolution.HAS_CHAT_ROOM, True)
    assert (opened.opened_at, opened.ended_at) == (NOON, NOON)
    assert (opened.contact_name, opened.ticket_uuid) == ("Bia", "t-1")
    assert opened.archive_check_at is not None
    earlier.refresh_from_db()
    assert earlier.resolution == Resolution.RESOLVED


def test_the_next_report_of_the_takeover_marks_the_same_conversation() -> None:
    taken_over(sent_at=NOON)

    taken_over(sent_at=NOON + SECOND, window=WindowUpdate(agent_uuid="a-2"))

    only = Conversation.objects.get()
    assert (only.ticket_uuid, only.agent_uuid) == ("t-1", "a-2")


def test_an_older_report_keeps_the_fields_of_a_newer_one() -> None:
    ended = closed()
    taken_over(sent_at=NOON + 2 * SECOND)

    taken_over(sent_at=NOON + SECOND, window=WindowUpdate(external_id="w-0"))

    ended.refresh_from_db()
    assert ended.external_id == "w-1"


@pytest.mark.parametrize("group", [HOME, "another-group"])
def test_a_takeover_that_comes_late_changes_nothing_of_a_later_conversation(group: str) -> None:
    ended, current = closed(), conversation(opened_at=NOON + 9 * SECOND)

    taken_over(sent_at=NOON + SECOND, group=group)

    ended.refresh_from_db()
    assert ended.resolution == Resolution.HAS_CHAT_ROOM
    (unchanged,) = Conversation.objects.filter(uuid=current.uuid).values()
    assert unchanged["resolution"] == Resolution.IN_PROGRESS
    assert not unchanged["external_id"]


@pytest.mark.parametrize("group", [HOME, "another-group"])
def test_a_takeover_before_all_conversations_gets_one_of_its_own(group: str) -> None:
    current = conversation(opened_at=NOON + SECOND)

    effect = taken_over(sent_at=NOON, group=group)

    assert effect.opened
    opened, unchanged = Conversation.objects.order_by("opened_at")
    assert (opened.uuid, unchanged.uuid) == (effect.conversation_uuid, current.uuid)
    assert unchanged.resolution == Resolution.IN_PROGRESS
    assert (opened.ended_at, opened.group_id) == (NOON, group)
    # A message before it belongs to the conversation that was taken over, one behind it does not.
    assert message(NOON - SECOND) == opened
    assert message(NOON + SECOND / 2) == current


def test_a_takeover_within_a_conversation_that_ended_long_ago_marks_it() -> None:
    ended = closed()
    closed(ended_at=NOON + 9 * DAY)

    taken_over(sent_at=NOON - SECOND)

    ended.refresh_from_db()
    assert (ended.resolution, ended.ended_at) == (Resolution.HAS_CHAT_ROOM, NOON)


def test_a_takeover_before_a_reopening_is_noted_and_neither_closes_nor_resolves() -> None:
    chat = closed()
    request_reopen(conversation_uuid=chat.uuid, now=NOON)
    reopen(conversation_uuid=chat.uuid, place=place(queue_time=NOON + 2 * SECOND))

    taken_over(sent_at=NOON + SECOND)

    chat.refresh_from_db()
    assert (chat.resolution, chat.has_chats_room) == (Resolution.IN_PROGRESS, True)
    assert chat.ticket_uuid == "t-1"
    close_by_event(
        resolution=Resolution.UNRESOLVED,
        sent_at=NOON + 9 * SECOND,
        now=NOON + 9 * SECOND,
        dynamodb=False,
    )
    taken_over(sent_at=NOON + SECOND / 2)
    chat.refresh_from_db()
    assert chat.resolution == Resolution.UNRESOLVED
    assert EarlierClosing.objects.get().resolution == Resolution.RESOLVED


def test_a_rerun_does_not_close_what_a_late_message_opened_before_the_takeover() -> None:
    ended = closed(ended_at=NOON - HOUR)
    taken_over(sent_at=NOON)
    late = message(NOON - SECOND)

    effect = taken_over(sent_at=NOON)

    late.refresh_from_db()
    assert effect.conversation_uuid == ended.uuid
    assert late.resolution == Resolution.IN_PROGRESS


def test_a_late_takeover_with_a_later_queue_time_does_not_hide_the_open_conversation() -> None:
    first = found(sent_at=NOON, sequence_number=30)
    assert first.conversation_uuid
    late = place(queue_time=NOON + 5 * SECOND, sequence_number=20)
    effect = takeovers.take_over(
        contact=contact(),
        window=WINDOW,
        place=late,
        newest=NewestMessage(conversation_uuid=first.conversation_uuid, place=None),
        now=NOON,
    )
    assert effect.opened

    older = place(queue_time=NOON + 3 * SECOND, sequence_number=25)
    assert windows.update_or_open(contact=contact(), window=WINDOW, place=older) is None
    answer = answering.attribute_answer(
        contact=contact(),
        place=place(queue_time=NOON + 60 * SECOND, sequence_number=1, group="another-group"),
        has_text_of_contact=False,
        contact_name="",
    )
    assert answer
    assert answer.conversation_uuid == first.conversation_uuid
