"""Events that are made again from stored messages, so that they can take effect once more.

After PostgreSQL was restored to an earlier time, DynamoDB still has the messages of events whose
other effects are lost.
"""

from typing import Any

from apps.common.errors import InvalidEvent
from apps.common.lossless_json import unparse
from apps.conversations.contacts import Contact
from apps.messages.entries import parse_place
from apps.messages.events import MessageEvent
from apps.messages.reading import parse_event
from apps.messages.versions import Document


def body_of(document: Document, *, contact: Contact) -> str:
    """Return the body of an event from which this message is stored again, with all its fields.

    It is in this service's own form, whatever adapter read the original.
    """
    extra: dict[str, Any] = document.get("extra", {})
    identity = {
        "project_uuid": str(contact.project_uuid),
        "channel_uuid": str(contact.channel_uuid),
        "contact_urn": contact.urn,
    }
    event = {
        **extra.get("event", {}),
        "event_type": document["event_type"],
        "correlation_id": document["correlation_id"],
        "data": {**extra.get("data", {}), **identity, "message": document["message"]},
    }
    return unparse(event)


def event_of(document: Document, *, contact: Contact, home: str) -> MessageEvent | None:
    """Return the event of a stored message at its place, or None if its author deleted the message.

    `home` is the group of the conversation. An event that this release refuses has None, too.
    """
    if "deleted" in document:
        return None
    try:
        event = parse_event(
            body=body_of(document, contact=contact),
            place=parse_place(document["place"], home=home),
        )
    except InvalidEvent:
        return None
    return event if isinstance(event, MessageEvent) else None
