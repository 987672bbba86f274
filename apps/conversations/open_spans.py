"""Reading the open span of a conversation, and closing the conversation with it."""

from dataclasses import dataclass
from datetime import datetime
from functools import reduce

from django.db import connection

from apps.common.compiled_queries import CompiledQuery, Parameter
from apps.conversations import noted_places, spans, transitions
from apps.conversations.contacts import OF_CONTACT, Contact
from apps.conversations.models import Conversation, Resolution
from apps.conversations.places import later, place_at, time_of
from apps.conversations.span_models import Span
from celery_sqs_fifo.place import Place

_LOCKED = CompiledQuery(
    lambda: (
        Conversation.objects.filter(resolution=Resolution.IN_PROGRESS, **OF_CONTACT)
        .only(
            "group_id",
            "window_at",
            "window_sequence",
            "window_group",
            "newest_at",
            "newest_sequence",
        )
        .select_for_update()
    )
)
_SPANS = CompiledQuery(lambda: Span.objects.filter(conversation_id=Parameter("conversation")))
_END = """
WITH ended AS (
    UPDATE conversations_span
    SET last_sequence = %(last_sequence)s, ended_at = %(ended_at)s,
        end_sequence = %(end_sequence)s, end_group = %(end_group)s
    WHERE id = %(span)s
)
UPDATE conversations_conversation SET {changes} WHERE uuid = %(conversation)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSpan:
    """The open span of a conversation in progress.

    `newest_foreign` has the newest place of each other group whose events were placed in it.
    """

    conversation: Conversation
    span: Span
    newest_foreign: list[Place]

    @property
    def opening(self) -> Place:
        """The place that opened the span."""
        return spans.opening_of(self.span)


def lock_in_progress(contact: Contact) -> OpenSpan | None:
    """Lock the contact's conversation in progress; return its open span, or None if there is none.

    The caller holds the lock of the contact. Only the fields of the conversation that its end needs
    are loaded.
    """
    conversation = _LOCKED.first(**contact.parameters)
    return open_of(conversation) if conversation else None


def open_of(conversation: Conversation) -> OpenSpan:
    """Return the open span of a conversation in progress, which the caller has locked."""
    rows = _SPANS.all(conversation=conversation.uuid)
    (span,) = (row for row in rows if row.of_span_id is None and row.last_sequence is None)
    foreign = [
        place_at(
            queue_time=row.ended_at, sequence_number=int(row.last_sequence), group=row.group_id
        )
        for row in rows
        if row.of_span_id == span.pk and row.ended_at and row.last_sequence is not None
    ]
    return OpenSpan(conversation=conversation, span=span, newest_foreign=foreign)


def end(
    open_span: OpenSpan,
    *,
    resolution: Resolution,
    place: Place,
    newest: Place | None,
    now: datetime,
) -> None:
    """End an open span, and close its conversation, which the caller has locked.

    Both end at this place, or just after the newest event that was placed in the span, if that is
    later. `newest` is the newest message of its own group in DynamoDB.
    """
    conversation, span = open_span.conversation, open_span.span
    placed = [place, *_known_places(open_span), *([newest] if newest else [])]
    last = reduce(later, placed)
    ended_at = max(time_of(last), span.starts_at, span.opened_at)
    changes = transitions.closed(resolution=resolution, ended_at=ended_at, now=now)
    values = {
        **changes,
        "last_sequence": max(one.sequence_number for one in placed if one.group == span.group_id),
        "end_sequence": last.sequence_number if last is place else last.sequence_number + 1,
        "end_group": last.group,
        "span": span.pk,
        "conversation": conversation.pk,
    }
    assignments = ", ".join(f"{name} = %({name})s" for name in changes)
    with connection.cursor() as cursor:
        cursor.execute(_END.format(changes=assignments), values)
    for name, value in changes.items():
        setattr(conversation, name, value)


def _known_places(open_span: OpenSpan) -> list[Place]:
    """Return places in an open span that PostgreSQL has: its opening, windows and the archive."""
    conversation = open_span.conversation
    noted = (noted_places.window(conversation), noted_places.newest_archived(conversation))
    return [
        open_span.opening,
        *open_span.newest_foreign,
        *(place for place in noted if place),
    ]
