"""What opening and closing write, whoever does it: an event, the closing time, or an operator."""

from datetime import datetime, timedelta
from typing import Any

from apps.conversations.models import Resolution

# Later than the longest lease and the longest task of a worker that was frozen meanwhile.
FIRST_ARCHIVE_CHECK = timedelta(minutes=15)
# Half of the time after which DynamoDB deletes a message.
ARCHIVE_OPEN_EVERY = timedelta(hours=24)


def first_due(
    *, closes_at: datetime, silent_since: datetime, idle_timeout: timedelta | None
) -> datetime:
    """When a conversation has to be looked at: at its closing, or when it may count as idle."""
    return min(closes_at, silent_since + idle_timeout) if idle_timeout else closes_at


def closed(*, resolution: Resolution, ended_at: datetime, now: datetime) -> dict[str, Any]:
    """The fields of a conversation that closes `now`; `ended_at` is a time of the queue."""
    return {
        "resolution": resolution,
        "ended_at": ended_at,
        "due_at": None,
        "close_requested_at": None,
        "requested_resolution": None,
        "archive_check_at": now + FIRST_ARCHIVE_CHECK,
    }


def reopened(*, opened_at: datetime, closes_at: datetime, due_at: datetime) -> dict[str, Any]:
    """The fields of a conversation that is in progress again since `opened_at`.

    Its messages are archived at once: those that its closing had yet to move may be old.
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
