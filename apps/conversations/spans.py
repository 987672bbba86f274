"""Spans: which part of the queue belongs to which conversation.

All code that changes the spans of a contact holds the contact's lock. The functions of the
migration conversations.0023_find_or_open do the same for messages.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from apps.common.compiled_queries import CompiledQuery, Parameter
from apps.conversations.contacts import OF_CONTACT, Contact
from apps.conversations.models import Conversation
from apps.conversations.places import place_at, time_of
from apps.conversations.span_models import Span
from celery_sqs_fifo.place import Place

_LATEST_FIRST = ("-starts_at", "-start_group", "-start_sequence")
_SPAN_AT = "SELECT * FROM conversations_span_at_v2(%s, %s, %s, %s, %s, %s)"
_LATEST = CompiledQuery(lambda: _of_contact().order_by(*_LATEST_FIRST)[:1])
_LAST_OF = CompiledQuery(
    lambda: Span.objects.filter(conversation_id=Parameter("conversation"), of_span=None).order_by(
        *_LATEST_FIRST
    )[:1]
)
_LAST_BY_TIME = CompiledQuery(
    lambda: (
        _of_contact()
        .filter(
            Q(starts_at__lt=Parameter("at"))
            | Q(start_group__lt=Parameter("group"))
            | Q(start_group=Parameter("group"), start_sequence__lte=Parameter("sequence")),
            starts_at__lte=Parameter("at"),
        )
        .order_by(*_LATEST_FIRST)[:2]
    )
)
_LAST_BY_NUMBER = CompiledQuery(
    lambda: (
        _of_contact()
        .filter(group_id=Parameter("group"), first_sequence__lte=Parameter("sequence"))
        .order_by("-first_sequence")[:2]
    )
)

_NEXT_OF_GROUP = CompiledQuery(
    lambda: Span.objects.filter(
        **OF_CONTACT,
        group_id=Parameter("group"),
        first_sequence__gt=Parameter("sequence"),
    ).order_by("first_sequence")[:1]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestMessage:
    """A conversation, and the place of the newest message of its own group in DynamoDB.

    `place` is None if DynamoDB has no message of that group.
    """

    conversation_uuid: UUID
    place: Place | None


def lock_contact(contact: Contact) -> None:
    """Lock the spans of a contact, on all channels, until the end of the transaction."""
    lock_urn(project_uuid=contact.project_uuid, urn=contact.urn)


def lock_urn(*, project_uuid: UUID, urn: str) -> None:
    """Lock the spans of all contacts of a project that have this URN, as `lock_contact` does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{project_uuid} {urn}"]
        )


def try_lock_contact() -> RawSQL:
    """Return SQL that tries to lock the contact of a conversation as `lock_contact` does.

    It is false if the contact is locked already. It does not wait, so a transaction may lock
    several contacts with it.
    """
    return RawSQL(
        "pg_try_advisory_xact_lock(hashtextextended(project_id::text || ' ' || contact_urn, 0))",
        (),
    )


def at(contact: Contact, place: Place) -> Span | None:
    """Return the span that contains a place, or None."""
    found = Span.objects.raw(
        _SPAN_AT,
        [
            contact.project_uuid,
            contact.channel_uuid,
            contact.urn,
            time_of(place),
            place.sequence_number,
            place.group,
        ],
    )
    return next(iter(found), None)


def extend(span: Span, place: Place) -> None:
    """Extend a span, in the row for the group of `place`, so that it contains `place`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conversations_extend_span_v2(span, %s, %s, %s)"
            " FROM conversations_span AS span WHERE id = %s",
            [time_of(place), place.sequence_number, place.group, span.pk],
        )


def last_of(conversation: Conversation) -> Span:
    """Return the last span of a conversation, open or closed."""
    (span,) = _LAST_OF.all(conversation=conversation.uuid)
    return span


def latest(contact: Contact) -> Span | None:
    """Return the last span of a contact, open or closed, or None."""
    return _LATEST.first(**contact.parameters)


def next_of_group(contact: Contact, place: Place) -> Span | None:
    """Return the contact's first span with events of the group of `place` after it, or None."""
    row = _NEXT_OF_GROUP.first(
        **contact.parameters, group=place.group, sequence=place.sequence_number
    )
    return (row.of_span or row) if row else None


def opening_of(span: Span) -> Place:
    """Return the place that opened a span."""
    return place_at(
        queue_time=span.opened_at,
        sequence_number=int(span.opened_sequence),
        group=span.group_id,
    )


def ended_before(span: Span, place: Place) -> bool:
    """Return whether a span ended at or before a place."""
    if span.last_sequence is None or span.ended_at is None or span.end_sequence is None:
        return False
    if place.group == span.group_id and place.sequence_number <= span.last_sequence:
        return False
    end_place = place_at(
        queue_time=span.ended_at,
        sequence_number=int(span.end_sequence),
        group=span.end_group,
    )
    return not place < end_place


def last_ended_before(contact: Contact, place: Place) -> Span | None:
    """Return the contact's last span that ended at or before a place, or None.

    However many spans there are, this reads at most two by their times and two by the sequence
    numbers of the place's group. It reads two because the last span that begins before the place
    may contain it.
    """
    values = {**contact.parameters, "group": place.group, "sequence": place.sequence_number}
    by_time = _LAST_BY_TIME.all(**values, at=time_of(place))
    by_number = _LAST_BY_NUMBER.all(**values)
    ended = [one for one in (*by_time, *by_number) if ended_before(one, place)]
    return max(
        ended, key=lambda one: (one.starts_at, one.start_group, one.start_sequence), default=None
    )


def reopen(conversation: Conversation, *, contact: Contact, place: Place) -> Span:
    """Open a new span of a closed conversation, and return it.

    It begins at this place, or where the contact's last span ended, if that is later.
    """
    before = latest(contact)
    ended_at = before.ended_at if before else None
    starts_at = max(time_of(place), ended_at or time_of(place))
    of_group = Span.objects.filter(
        project_id=contact.project_uuid,
        channel_uuid=contact.channel_uuid,
        contact_urn=contact.urn,
        group_id=conversation.group_id,
    )
    # Rows of one group do not overlap, so the last one has the newest number.
    last_numbers = of_group.order_by("-first_sequence").values_list("last_sequence", flat=True)
    newest = last_numbers.first() or 0
    is_of_group = place.group == conversation.group_id
    sequence = max(place.sequence_number, int(newest) + 1) if is_of_group else int(newest) + 1
    return Span.objects.create(
        conversation=conversation,
        project_id=contact.project_uuid,
        channel_uuid=contact.channel_uuid,
        contact_urn=contact.urn,
        group_id=conversation.group_id,
        first_sequence=sequence,
        starts_at=starts_at,
        start_sequence=sequence,
        start_group=conversation.group_id,
        opened_at=time_of(place),
        opened_sequence=sequence,
    )


def end_time(span: Span) -> datetime:
    """Return the queue time at which a closed span ended. Raise ValueError for an open span."""
    if span.ended_at is None:
        raise ValueError("the span is open")
    return span.ended_at


def _of_contact() -> QuerySet[Span]:
    """Return the spans of a contact, without their rows for events of other groups."""
    return Span.objects.filter(**OF_CONTACT, of_span=None)
