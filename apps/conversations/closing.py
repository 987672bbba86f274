"""Closing conversations at their time: claim those that are due, then close or postpone each."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from apps.conversations import transitions
from apps.conversations.models import Conversation, Resolution

# A conversation whose pointer was never sent can be claimed again after this time.
CLAIM_LEASE = timedelta(minutes=15)
# At most this many conversations claimed within WAITING_FOR may wait on the queue. Older claims are
# not counted: pointers that are stuck must not stop the closing of other conversations.
MAX_WAITING = 300
WAITING_FOR = timedelta(minutes=1)

# One statement claims a page of conversations, and concurrent statements claim different rows. The
# order of the rows that UPDATE returns depends on the plan, so the last SELECT sorts them again.
_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT uuid, due_at FROM conversations_conversation
    WHERE due_at <= %(now)s
    ORDER BY due_at
    LIMIT least(%(limit)s, greatest(0, %(max_waiting)s - (
        SELECT count(*) FROM conversations_conversation WHERE close_requested_at > %(since)s
    )))
    FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE conversations_conversation AS conversation
    SET due_at = %(leased_until)s, close_requested_at = %(now)s
    FROM due WHERE conversation.uuid = due.uuid
    RETURNING conversation.uuid, group_id, requested_resolution, due.due_at AS was_due_at
)
SELECT uuid, group_id, coalesce(requested_resolution = 2, false) FROM claimed ORDER BY was_due_at
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A conversation that is claimed for a close pointer, or for a reopen pointer if `reopens`."""

    conversation_uuid: UUID
    group_id: str
    claimed_at: datetime
    reopens: bool


class ClosedBy(StrEnum):
    """Why a close pointer closed a conversation: its time had come, or an operator requested it."""

    TIME = "time"
    HAND = "hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseDecision:
    """What a close pointer did to a conversation.

    `closed_by` is None if the pointer did not close it. `to_archive` is true if the conversation is
    closed, by this pointer or earlier, and its messages are not yet archived.
    """

    closed_by: ClosedBy | None = None
    to_archive: bool = False


def claim_due(*, limit: int, now: datetime) -> list[Claim]:
    """Claim up to `limit` conversations that are due, and return them, the longest due first.

    The claims are exclusive for 15 minutes. Fewer conversations are claimed while many claims of
    the last minute wait on the queue, so that closing does not delay messages. For each claim the
    caller must send a pointer, or return the claim with `give_back`.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _CLAIM,
            {
                "now": now,
                "leased_until": now + CLAIM_LEASE,
                "limit": limit,
                "max_waiting": MAX_WAITING,
                "since": now - WAITING_FOR,
            },
        )
        return [
            Claim(conversation_uuid=uuid, group_id=group_id, claimed_at=now, reopens=reopens)
            for uuid, group_id, reopens in cursor.fetchall()
        ]


def give_back(conversation_uuids: list[UUID], *, now: datetime) -> None:
    """Make conversations due again at once, because their pointers could not be sent."""
    Conversation.objects.filter(uuid__in=conversation_uuids).exclude(due_at=None).update(
        due_at=now, close_requested_at=None
    )


def close_if_due(
    *,
    conversation_uuid: UUID,
    newest_message_at: datetime | None,
    queued_at: datetime,
    now: datetime,
) -> CloseDecision:
    """Close a conversation if one of the conditions below is met, else schedule its next check.

    A conversation closes if its closing time has passed and no message is younger than the quiet
    period, if it has had no message for its project's idle timeout, or if an operator requested it.
    `newest_message_at` is the time of its newest message in DynamoDB.

    It ends at `queued_at`, the queue time of the pointer: events that are queued later belong to
    the next conversation, whatever the clocks of workers show.
    """
    with transaction.atomic():
        conversation = (
            Conversation.objects.select_for_update(of=("self",))
            .select_related("project")
            .filter(uuid=conversation_uuid)
            .first()
        )
        if conversation is None:
            return CloseDecision()
        was_open = conversation.resolution == Resolution.IN_PROGRESS
        by_hand = conversation.requested_resolution is not None
        if was_open:
            _write(conversation, _changes(conversation, newest_message_at, queued_at, now))
    is_closed = conversation.resolution != Resolution.IN_PROGRESS
    closed_by = (ClosedBy.HAND if by_hand else ClosedBy.TIME) if was_open and is_closed else None
    return CloseDecision(
        closed_by=closed_by, to_archive=is_closed and conversation.archived_at is None
    )


def _changes(
    conversation: Conversation,
    newest_message_at: datetime | None,
    queued_at: datetime,
    now: datetime,
) -> dict[str, Any]:
    if conversation.requested_resolution is not None:
        resolution = Resolution(conversation.requested_resolution)
        return transitions.closed(resolution=resolution, ended_at=queued_at, now=now)
    closed = transitions.closed(resolution=Resolution.UNCLASSIFIED, ended_at=queued_at, now=now)
    newest = _latest(newest_message_at, conversation.last_message_at)
    if conversation.closes_at <= now:
        return _postponed(conversation, newest, now) or closed
    due_at = transitions.first_due(
        closes_at=conversation.closes_at,
        silent_since=_latest(newest, conversation.opened_at) or now,
        idle_timeout=conversation.project.idle_timeout,
    )
    if due_at <= now:
        return closed
    return {"due_at": due_at, "close_requested_at": None}


def _postponed(
    conversation: Conversation, newest: datetime | None, now: datetime
) -> dict[str, Any] | None:
    """Return the changes that postpone a closing, or None if the conversation closes now.

    A conversation that is in use is postponed until CLOSING_MAX_POSTPONE after its first closing.
    """
    first_closing = conversation.postponed_from or conversation.closes_at
    closes_at = min(
        now + settings.CLOSING_QUIET_PERIOD, first_closing + settings.CLOSING_MAX_POSTPONE
    )
    in_use = newest is not None and newest > now - settings.CLOSING_QUIET_PERIOD
    if not in_use or closes_at <= now:
        return None
    return {
        "closes_at": closes_at,
        "postponed_from": first_closing,
        "due_at": closes_at,
        "close_requested_at": None,
    }


def _write(conversation: Conversation, changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        setattr(conversation, name, value)
    conversation.save(update_fields=list(changes))


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment), default=None)
