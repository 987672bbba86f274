"""The field values of a conversation when it opens, closes or reopens, for whatever reason."""

from datetime import datetime, timedelta
from typing import Any

from apps.conversations.models import Conversation, Resolution

# Longer than the longest lease and the longest task, even if the worker is frozen meanwhile.
FIRST_ARCHIVE_CHECK = timedelta(minutes=15)
# Half of the time after which DynamoDB deletes a message.
ARCHIVE_OPEN_EVERY = timedelta(hours=24)


def first_due(
    *, closes_at: datetime, silent_since: datetime, idle_timeout: timedelta | None
) -> datetime:
    """Return when to check a conversation: at its closing, or earlier if it may be idle by then."""
    return min(closes_at, silent_since + idle_timeout) if idle_timeout else closes_at


def closed(*, resolution: Resolution, ended_at: datetime, now: datetime) -> dict[str, Any]:
    """Return the changes that close a conversation `now`. `ended_at` is a queue time."""
    return {
        "resolution": resolution,
        "ended_at": ended_at,
        "due_at": None,
        "close_requested_at": None,
        "requested_resolution": None,
        "archive_check_at": now + FIRST_ARCHIVE_CHECK,
    }


def reopened(
    *, reopened_at: datetime, message_count: int, closes_at: datetime, due_at: datetime
) -> dict[str, Any]:
    """Return the changes that reopen a conversation. Its spans keep the times of its past.

    `message_count` is the number of its archived messages. An archive check is due at once, because
    messages that are not archived may soon expire.
    """
    return {
        "resolution": Resolution.IN_PROGRESS,
        "ended_at": None,
        "closes_at": closes_at,
        "postponed_from": None,
        "due_at": due_at,
        "close_requested_at": None,
        "requested_resolution": None,
        "archived_at": None,
        "archive_check_at": reopened_at,
        "messages_before_reopening": message_count,
    }


def write(conversation: Conversation, changes: dict[str, Any]) -> None:
    """Set these fields of a conversation that the caller has locked, and save them."""
    for name, value in changes.items():
        setattr(conversation, name, value)
    conversation.save(update_fields=list(changes))
