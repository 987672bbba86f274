"""Conversation windows: what they store with a conversation."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.conversations import noted_places, spans, transitions
from apps.conversations.attribution import Attribution, IncomingMessage, find_or_open
from apps.conversations.contacts import Contact
from apps.conversations.erasing import ContactErased
from apps.conversations.models import Conversation
from apps.conversations.places import time_of
from celery_sqs_fifo.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowUpdate:
    """The fields of a conversation that a `conversation.window` sets. Empty ones set nothing."""

    external_id: str = ""
    contact_name: str = ""
    start: datetime | None = None
    end: datetime | None = None
    ticket_uuid: str = ""
    agent_uuid: str = ""


def update_or_open(*, contact: Contact, window: WindowUpdate, place: Place) -> Attribution | None:
    """Apply a window to the conversation in progress, or open a conversation with it.

    Return None and change nothing if the window is older than the conversation in progress or than
    the end of the last one: a late window must not change the next conversation. Raise
    ContactErased if the window was queued before its contact was erased.
    """
    with transaction.atomic():
        spans.lock_contact(contact)
        if _is_outdated(contact, place):
            return None
        message = IncomingMessage(
            contact=contact,
            place=place,
            at=time_of(place),
            from_contact=False,
            contact_name=window.contact_name,
        )
        (attribution,) = find_or_open([message])
        if attribution.conversation_uuid is None:
            raise ContactErased
        conversation = Conversation.objects.select_for_update().get(
            uuid=attribution.conversation_uuid
        )
        if changes := changed_fields(conversation, window, place):
            transitions.write(conversation, changes)
    return attribution


def changed_fields(
    conversation: Conversation, window: WindowUpdate, place: Place
) -> dict[str, Any]:
    """Return the fields that a window changes: none if a newer one was applied, or the same one."""
    newest = noted_places.window(conversation)
    if newest is not None and not newest < place:
        return {}
    fields = {
        "external_id": window.external_id,
        "contact_name": window.contact_name,
        "window_start": window.start,
        "window_end": window.end,
        "ticket_uuid": window.ticket_uuid,
        "agent_uuid": window.agent_uuid,
    }
    return {name: value for name, value in fields.items() if value} | {
        "window_at": time_of(place),
        "window_sequence": place.sequence_number,
        "window_group": place.group,
    }


def _is_outdated(contact: Contact, place: Place) -> bool:
    last = spans.latest(contact)
    if last is None:
        return False
    if last.last_sequence is None:
        return place < spans.opening_of(last)
    return not spans.ended_before(last, place)
