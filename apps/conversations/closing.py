"""Closing conversations at their time: claim those that are due, then close or postpone each."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from apps.common.compiled_queries import CompiledQuery, Parameter
from apps.conversations import open_spans, spans, transitions
from apps.conversations.contacts import Contact
from apps.conversations.models import Conversation, Resolution
from apps.conversations.places import time_of
from apps.conversations.span_models import Span
from celery_sqs_fifo.place import Place

# A conversation whose pointer was never sent can be claimed again after this time.
CLAIM_LEASE = timedelta(minutes=15)
# At most this many conversations claimed within WAITING_FOR may wait on the queue. Older claims are
# not counted: pointers that are stuck must not stop the closing of other conversations.
MAX_WAITING = 300
WAITING_FOR = timedelta(minutes=1)

_LOCKED = CompiledQuery(
    lambda: Conversation.objects.filter(uuid=Parameter("conversation")).select_for_update()
)
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
SELECT uuid, group_id, coalesce(requested_resolution = %(in_progress)s, false) FROM claimed
ORDER BY was_due_at
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
                "in_progress": Resolution.IN_PROGRESS,
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
    contact: Contact,
    conversation_uuid: UUID,
    newest: Place | None,
    place: Place,
    now: datetime,
) -> CloseDecision:
    """Close a conversation if one of the conditions below is met, else schedule its next check.

    A conversation closes if its closing time has passed and no message is younger than the quiet
    period, if it has had no message for its project's idle timeout, or if an operator requested it.
    All this is decided at `place`, the place of the pointer on the queue, whatever the clocks of
    workers show. A pointer that is older than the open span changes nothing. `newest` is the newest
    message of the conversation's own group in DynamoDB.

    The conversation ends at `place`, or just after its newest message if that is later: events that
    are queued later belong to the next conversation. `now` schedules the check of its archive.
    """
    with transaction.atomic():
        spans.lock_contact(contact)
        conversation = _LOCKED.first(conversation=conversation_uuid)
        if conversation is None:
            return CloseDecision()
        closed_by = None
        if conversation.resolution == Resolution.IN_PROGRESS:
            closed_by = _decide(conversation, newest=newest, place=place, now=now)
    is_closed = conversation.resolution != Resolution.IN_PROGRESS
    return CloseDecision(
        closed_by=closed_by, to_archive=is_closed and conversation.archived_at is None
    )


def _decide(
    conversation: Conversation, *, newest: Place | None, place: Place, now: datetime
) -> ClosedBy | None:
    """Close a conversation in progress, or change its next check. Return why it was closed."""
    open_span = open_spans.open_of(conversation)
    if place < open_span.opening:
        return None
    resolution, closed_by = Resolution.UNCLASSIFIED, ClosedBy.TIME
    if conversation.requested_resolution is not None:
        resolution, closed_by = Resolution(conversation.requested_resolution), ClosedBy.HAND
    else:
        newest_at = _latest(
            time_of(newest) if newest else None,
            conversation.last_message_at,
            *map(time_of, open_span.newest_foreign),
        )
        changes = _next_check(conversation, open_span.span, newest_at, time_of(place))
        if changes:
            transitions.write(conversation, changes)
            return None
    open_spans.end(open_span, resolution=resolution, place=place, newest=newest, now=now)
    return closed_by


def _next_check(
    conversation: Conversation, span: Span, newest_at: datetime | None, at: datetime
) -> dict[str, Any] | None:
    """Return the changes that schedule the next check, or None if the conversation closes."""
    is_over = conversation.closes_at <= at
    changes = _postponed(conversation, newest_at, at) if is_over else {}
    if is_over and not changes:
        return None
    due_at = transitions.first_due(
        closes_at=changes.get("closes_at", conversation.closes_at),
        silent_since=_latest(newest_at, span.opened_at) or at,
        idle_timeout=conversation.project.idle_timeout,
    )
    if due_at <= at:
        return None
    return {**changes, "due_at": due_at, "close_requested_at": None}


def _postponed(
    conversation: Conversation, newest: datetime | None, at: datetime
) -> dict[str, datetime]:
    """Return the changes that postpone a closing. There are none if the conversation is not in use.

    A closing is postponed until CLOSING_MAX_POSTPONE after the first one at the latest.
    """
    if newest is None or newest <= at - settings.CLOSING_QUIET_PERIOD:
        return {}
    first_closing = conversation.postponed_from or conversation.closes_at
    latest = first_closing + settings.CLOSING_MAX_POSTPONE
    return {
        "closes_at": min(at + settings.CLOSING_QUIET_PERIOD, latest),
        "postponed_from": first_closing,
    }


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment), default=None)
