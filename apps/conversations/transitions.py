"""The field values of a conversation when it opens, closes or reopens, for whatever reason."""

from datetime import datetime, timedelta
from typing import Any

from apps.conversations.models import Resolution

# Longer than the longest lease and the longest task, also of a worker that was frozen meanwhile.
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


def reopened(*, opened_at: datetime, closes_at: datetime, due_at: datetime) -> dict[str, Any]:
    """Return the changes that reopen a conversation at `opened_at`.

    Its messages are archived at once: those that are not yet archived may soon expire in DynamoDB.
    """
    return {
        "resolution": Resolution.IN_PROGRESS,
        "ended_at": None,
        "opened_at": opened_at,
        "closes_at": closes_at,
        "postponed_from": None,
        "due_at": due_at,
        "close_requested_at": None,
        "requested_resolution": None,
        "archived_at": None,
        "archive_check_at": opened_at,
    }
