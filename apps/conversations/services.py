"""Closing conversations by events."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.common.errors import Contended
from apps.conversations import spans, transitions
from apps.conversations.contacts import Contact
from apps.conversations.models import CLOSED, Conversation, Resolution
from apps.conversations.places import time_of
from apps.conversations.selectors import of_contact
from apps.conversations.spans import NewestMessage
from celery_sqs_fifo.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The effect of a closing event: whether it closed a conversation, and which to archive.

    `to_migrate` is the result of `unarchived`.
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
        return Closed(closed=closed is not None, to_migrate=unarchived(contact, place))


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
    in_progress = of_contact(contact).filter(resolution=Resolution.IN_PROGRESS)
    conversation = in_progress.select_for_update().first()
    if conversation is None:
        return None
    if not newest or newest.conversation_uuid != conversation.uuid:
        raise Contended("PostgreSQL", "the conversation in progress has changed")
    span = spans.open_span(conversation)
    if place < spans.opening_of(span):
        return None
    ended_at = spans.end(span, conversation=conversation, place=place, newest=newest.place)
    transitions.write(
        conversation,
        transitions.closed(resolution=resolution, ended_at=ended_at, now=now),
    )
    return conversation


def unarchived(contact: Contact, place: Place) -> list[UUID]:
    """Return the contact's conversations that ended at `place` or later and are not yet archived.

    One may have been closed by an earlier delivery of an event whose worker crashed.
    """
    ended = of_contact(contact).filter(
        resolution__in=CLOSED, ended_at__gte=time_of(place), archived_at=None
    )
    return list(ended.values_list("uuid", flat=True))
