"""Takeovers: a human continues a conversation outside the chat platform.

A takeover belongs to the conversation in progress, unless that opened after it. Otherwise it
belongs to the conversation at its place on the queue, or else to the last one that ended within
TAKEOVER_MAX_DELAY before it. Otherwise it gets a conversation of its own. This is decided once, at
the first run (ADR 31).
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.conversations import attributed_events, spans, transitions
from apps.conversations.attribution import ensure_project
from apps.conversations.closing_times import next_closing
from apps.conversations.contacts import Contact
from apps.conversations.erasing import ContactErased, is_erased
from apps.conversations.models import Conversation, Resolution
from apps.conversations.places import time_of
from apps.conversations.services import end_in_progress, unarchived
from apps.conversations.span_models import Span
from apps.conversations.spans import NewestMessage
from apps.conversations.windows import WindowUpdate, changed_fields
from celery_sqs_fifo.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver:
    """The effect of a takeover: its conversation, and whether it opened or closed this one.

    One that it opened is closed, too. A rerun opens and closes nothing. `to_migrate` are the
    conversations to archive.
    """

    conversation_uuid: UUID | None
    opened: bool = False
    closed: bool = False
    to_migrate: list[UUID]


@transaction.atomic
def take_over(
    *,
    contact: Contact,
    window: WindowUpdate,
    place: Place,
    newest: NewestMessage | None,
    now: datetime,
) -> TakenOver:
    """Close the conversation in progress at a takeover, or mark the one that it belongs to.

    `newest` is that of `end_in_progress`. Raise Contended if another conversation is in progress
    meanwhile, and ContactErased if the takeover was queued before its contact was erased.
    """
    spans.lock_contact(contact)
    if is_erased(project_uuid=contact.project_uuid, urn=contact.urn, place=place):
        raise ContactErased
    if known := attributed_events.find(contact, place):
        return TakenOver(
            conversation_uuid=known.conversation_uuid, to_migrate=unarchived(contact, place)
        )
    closed = end_in_progress(
        contact=contact, resolution=Resolution.HAS_CHAT_ROOM, place=place, newest=newest, now=now
    )
    earlier = closed or _earlier(contact, place)
    conversation = earlier or _open_and_close(contact, place, now=now)
    _mark(conversation, window, place)
    attributed_events.store(contact, place, conversation)
    return TakenOver(
        conversation_uuid=conversation.uuid,
        opened=earlier is None,
        closed=closed is not None or earlier is None,
        to_migrate=unarchived(contact, place),
    )


def _earlier(contact: Contact, place: Place) -> Conversation | None:
    """Lock and return the conversation that was open at a place or ended shortly before it."""
    span = spans.at(contact, place) or spans.last_ended_before(contact, place)
    if span is None:
        return None
    if span.ended_at and span.ended_at < time_of(place) - settings.TAKEOVER_MAX_DELAY:
        return None
    return Conversation.objects.select_for_update().get(uuid=span.conversation_id)


def _open_and_close(contact: Contact, place: Place, *, now: datetime) -> Conversation:
    """Return a new conversation that is closed and whose span contains only this place."""
    project = ensure_project(contact.project_uuid)
    opened_at, ended_at = time_of(place), _end(contact, place)
    following = spans.next_of_group(contact, place)
    conversation = Conversation.objects.create(
        project=project,
        channel_uuid=contact.channel_uuid,
        contact_urn=contact.urn,
        group_id=place.group,
        started_at=opened_at,
        opened_at=opened_at,
        closes_at=next_closing(
            after=opened_at, timezone=project.timezone, closing_time=project.closing_time
        ),
        **transitions.closed(resolution=Resolution.HAS_CHAT_ROOM, ended_at=ended_at, now=now),
    )
    Span.objects.create(
        conversation=conversation,
        project=project,
        channel_uuid=contact.channel_uuid,
        contact_urn=contact.urn,
        group_id=place.group,
        first_sequence=place.sequence_number,
        last_sequence=place.sequence_number,
        # Spans begin in the order of the queue, even if queue times fall.
        starts_at=min(ended_at, following.starts_at) if following else ended_at,
        start_sequence=place.sequence_number,
        start_group=place.group,
        opened_at=opened_at,
        opened_sequence=place.sequence_number,
        ended_at=ended_at,
        end_sequence=place.sequence_number,
        end_group=place.group,
    )
    return conversation


def _end(contact: Contact, place: Place) -> datetime:
    """Return when a span at a place ends: after the span before it, even if queue times fall."""
    before = spans.last_ended_before(contact, place)
    return max(time_of(place), spans.end_time(before)) if before else time_of(place)


def _mark(conversation: Conversation, window: WindowUpdate, place: Place) -> None:
    """Store a takeover with its conversation.

    A conversation that was closed for another reason gets the resolution of a takeover; it ended
    when it ended. Its resolution stays if it was opened or reopened after the takeover: that is no
    reason for what happened since.
    """
    changes = {"has_chats_room": True, **changed_fields(conversation, window, place)}
    if not place < spans.opening_of(spans.last_of(conversation)):
        changes["resolution"] = Resolution.HAS_CHAT_ROOM
    transitions.write(conversation, changes)
