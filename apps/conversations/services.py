"""Closing conversations by events."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.common.compiled_queries import CompiledQuery, Parameter
from apps.common.errors import Contended
from apps.conversations import open_spans, spans
from apps.conversations.contacts import OF_CONTACT, Contact
from apps.conversations.models import CLOSED, Conversation, Resolution
from apps.conversations.places import time_of
from apps.conversations.spans import NewestMessage
from celery_sqs_fifo.place import Place

_UNARCHIVED = CompiledQuery(
    lambda: Conversation.objects.filter(
        **OF_CONTACT, resolution__in=CLOSED, ended_at__gte=Parameter("since"), archived_at=None
    ).values_list("uuid")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The effect of a closing event: whether it closed a conversation, and which to archive.

    `to_migrate` is the closed conversation or, if it closed none, the result of `unarchived`.
    """

    closed: bool
    to_migrate: list[UUID]


def close(
    *,
    contact: Contact,
    resolution: Resolution,
    place: Place,
    newest: NewestMessage | None,
    now: datetime,
) -> Closed:
    """Close the contact's conversation in progress, unless it opened after the closing event.

    `newest` and the errors are those of `end_in_progress`.
    """
    with transaction.atomic():
        spans.lock_contact(contact)
        closed = end_in_progress(
            contact=contact, resolution=resolution, place=place, newest=newest, now=now
        )
        if closed:
            return Closed(closed=True, to_migrate=[closed.uuid])
        return Closed(closed=False, to_migrate=unarchived(contact, place))


def end_in_progress(
    *,
    contact: Contact,
    resolution: Resolution,
    place: Place,
    newest: NewestMessage | None,
    now: datetime,
) -> Conversation | None:
    """Close and return the conversation in progress; return None if none opened before `place`.

    The caller holds the lock of the contact. The conversation ends at the later of `place` and just
    after the newest message placed in it. `newest` is the conversation in progress with its newest
    message in DynamoDB, or None if the contact had no conversation in progress. Raise Contended if
    another conversation is in progress meanwhile.
    """
    in_progress = open_spans.lock_in_progress(contact)
    if in_progress is None:
        return None
    if not newest or newest.conversation_uuid != in_progress.conversation.uuid:
        raise Contended("PostgreSQL", "the conversation in progress has changed")
    if place < in_progress.opening:
        return None
    open_spans.end(in_progress, resolution=resolution, place=place, newest=newest.place, now=now)
    return in_progress.conversation


def unarchived(contact: Contact, place: Place) -> list[UUID]:
    """Return the contact's conversations that ended at `place` or later and are not yet archived.

    One may have been closed by an earlier delivery of an event whose worker crashed.
    """
    return [uuid for (uuid,) in _UNARCHIVED.rows(**contact.parameters, since=time_of(place))]
