"""Closing events and windows, and their redeliveries, which change nothing."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.conversations.models import Conversation, Resolution
from apps.conversations.windows import WindowUpdate
from tests.support.builders import NOON, URN, conversation
from tests.support.services import apply_window, close_by_event
from tests.support.stored import every_row_version, statements

SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.django_db


def closed(
    *,
    sent_at: datetime = NOON + SECOND,
    resolution: Resolution = Resolution.RESOLVED,
) -> list[Any]:
    """Close the default contact's conversation, and return the uuids to archive."""
    return close_by_event(
        resolution=resolution, sent_at=sent_at, now=sent_at, dynamodb=False
    ).to_migrate


def window(
    *, external_id: str = "w-1", name: str = "Bia", sent_at: datetime = NOON + SECOND
) -> None:
    """Apply a window of the default contact."""
    apply_window(
        WindowUpdate(external_id=external_id, contact_name=name),
        sent_at=sent_at,
        group="group-of-the-window",
    )


@pytest.mark.parametrize(
    "resolution", [Resolution.RESOLVED, Resolution.UNRESOLVED, Resolution.UNCLASSIFIED]
)
def test_a_close_ends_the_conversation_and_returns_what_to_archive(
    resolution: Resolution,
) -> None:
    current = conversation()

    assert closed(resolution=resolution) == [current.uuid]

    current.refresh_from_db()
    assert current.resolution == resolution
    assert current.ended_at == NOON + SECOND
    assert not current.has_chats_room


def test_a_close_costs_five_statements() -> None:
    conversation()

    with statements() as made:
        closed()

    # The conversation in progress; the locks of its contact and of itself; its spans; its end.
    assert len(made) == 5


def test_a_close_leaves_other_contacts_alone() -> None:
    other = conversation(urn="telegram:2")

    assert closed() == []

    other.refresh_from_db()
    assert other.resolution == Resolution.IN_PROGRESS


def test_a_redelivered_close_changes_nothing_and_archives_the_same() -> None:
    current = conversation()
    closed()
    before = every_row_version()

    assert closed() == [current.uuid]

    assert every_row_version() == before


def test_a_redelivered_close_does_not_close_the_next_conversation() -> None:
    conversation()
    closed()
    successor = conversation(opened_at=NOON + 2 * SECOND)

    closed()

    successor.refresh_from_db()
    assert successor.resolution == Resolution.IN_PROGRESS


def test_a_close_of_the_millisecond_in_which_the_conversation_opened_closes_it() -> None:
    """The queue's times have milliseconds, and a close follows the message that opened it."""
    current = conversation()

    assert closed(sent_at=NOON) == [current.uuid]

    current.refresh_from_db()
    assert current.resolution == Resolution.RESOLVED


def test_a_close_older_than_the_conversation_changes_nothing() -> None:
    current = conversation(opened_at=NOON)
    before = every_row_version()

    assert closed(sent_at=NOON - SECOND) == []

    assert every_row_version() == before
    current.refresh_from_db()
    assert current.resolution == Resolution.IN_PROGRESS


def test_an_archived_conversation_is_not_archived_again() -> None:
    conversation()
    closed()
    Conversation.objects.update(archived_at=NOON + 2 * SECOND)

    assert closed() == []


def test_a_window_updates_the_conversation_in_progress() -> None:
    current = conversation()

    window()

    current.refresh_from_db()
    assert (current.external_id, current.contact_name) == ("w-1", "Bia")
    assert current.resolution == Resolution.IN_PROGRESS
    assert current.group_id == f"group:{URN}"


def test_a_window_opens_a_conversation_in_which_the_contact_has_not_written() -> None:
    window(sent_at=NOON)

    opened = Conversation.objects.get()
    assert (opened.external_id, opened.contact_name) == ("w-1", "Bia")
    assert (opened.started_at, opened.opened_at) == (NOON, NOON)
    assert not opened.written_at
    assert opened.group_id == "group-of-the-window"


def test_a_redelivered_window_writes_no_row() -> None:
    window()
    before = every_row_version()

    window()

    assert every_row_version() == before


def test_an_empty_window_keeps_the_stored_fields() -> None:
    current = conversation()
    window()
    window(external_id="w-0", name="Old", sent_at=NOON + SECOND / 2)

    window(external_id="", name="", sent_at=NOON + 2 * SECOND)

    current.refresh_from_db()
    assert (current.external_id, current.contact_name) == ("w-1", "Bia")


def test_a_window_older_than_the_conversation_changes_nothing() -> None:
    conversation(opened_at=NOON)
    before = every_row_version()

    window(sent_at=NOON - SECOND)

    assert every_row_version() == before


def test_a_window_older_than_the_end_of_the_last_conversation_opens_nothing() -> None:
    conversation(resolution=Resolution.RESOLVED, ended_at=NOON + 2 * SECOND)
    before = every_row_version()

    window(sent_at=NOON + SECOND)

    assert every_row_version() == before


def test_a_window_after_the_end_of_the_last_conversation_opens_the_next() -> None:
    conversation(resolution=Resolution.RESOLVED, ended_at=NOON + SECOND)

    window(sent_at=NOON + 2 * SECOND)

    opened = Conversation.objects.get(resolution=Resolution.IN_PROGRESS)
    assert opened.external_id == "w-1"


@pytest.mark.parametrize("in_progress", [True, False], ids=["updates", "opens"])
def test_a_producer_whose_clock_is_ahead_does_not_hide_the_next_window(in_progress: bool) -> None:
    """Message times are the producer's; only queue times decide whether a window is older."""
    conversation(
        resolution=Resolution.RESOLVED,
        ended_at=NOON + SECOND,
        span=(NOON, NOON + timedelta(minutes=5)),
    )
    if in_progress:
        conversation(opened_at=NOON + 2 * SECOND)

    window(sent_at=NOON + 3 * SECOND)

    assert Conversation.objects.get(resolution=Resolution.IN_PROGRESS).external_id == "w-1"
