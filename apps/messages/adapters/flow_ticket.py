"""The ticket by which a flow engine hands a contact over to a human.

It has no type and no `data`, and means a conversation window with `has_chats_room`:

    {"ticket_uuid": …, "contact_urn": …, "project_uuid": …, "channel_uuid": …, "created_on": …}
"""

from dataclasses import replace

from apps.messages.adapters import Adapter, QueueMessage
from apps.messages.event_types import CONVERSATION_WINDOW
from apps.messages.fields import is_blank

CORRELATION_ID = "CorrelationID"
# The project and the channel are left out, so that a ticket without them is refused by their names.
FIELDS_OF_A_TICKET = frozenset({"ticket_uuid", "contact_urn", "created_on"})


def adapt(message: QueueMessage) -> QueueMessage | None:
    """Return the window that a ticket means, with all fields of the ticket in its `data`."""
    if not _is_ticket(message):
        return None
    ticket = message.document
    window = {
        "event_type": CONVERSATION_WINDOW,
        "correlation_id": message.attributes.get(CORRELATION_ID, ""),
        "data": {**ticket, "has_chats_room": True},
    }
    return replace(message, document=window)


def _is_ticket(message: QueueMessage) -> bool:
    """Return whether a message is a ticket.

    A body with the fields of a ticket and a type of its own is not, because it may say that the
    ticket was closed.
    """
    ticket = message.document
    if not isinstance(ticket, dict) or not ticket.keys() >= FIELDS_OF_A_TICKET:
        return False
    named = message.attributes.get("event_type", CONVERSATION_WINDOW)
    is_event = not is_blank(ticket.get("event_type")) or bool(ticket.get("data"))
    return named == CONVERSATION_WINDOW and not is_event


ADAPTER = Adapter(adapt=adapt, attributes=(CORRELATION_ID,))
