"""The contact of a conversation, stored in DynamoDB with the event that opened the conversation.

PostgreSQL has the contact in the conversation's row. After PostgreSQL was restored to an earlier
time, a conversation that opened later has no row, and its messages name neither project nor contact
(ADR 48).

The item of the message that opened a conversation has the contact in the attribute OPENING, beside
the message. A window has no message, so it writes an item of its own.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from apps.common.lossless_json import dump, load
from apps.conversations.contacts import Contact
from apps.messages import message_table
from apps.messages.entries import place_key
from apps.messages.message_table import TIME_TO_LIVE, Item
from celery_sqs_fifo.place import Place

OPENING = "opening"
# The attribute of a window's item that names the conversation, because its partition does not.
OPENED = "opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The contact and the message group of a conversation."""

    contact: Contact
    group: str

    @classmethod
    def parse(cls, text: str) -> "Opening":
        """Return the opening that `str` wrote as this text."""
        fields = load(text)
        contact = Contact(
            project_uuid=UUID(fields["project"]),
            channel_uuid=UUID(fields["channel"]),
            urn=fields["contact"],
        )
        return cls(contact=contact, group=fields.get("group") or _usual_group(contact))

    def __str__(self) -> str:
        """Return the value of OPENING. The group is left out if it is the usual one."""
        contact = self.contact
        fields = {
            "project": str(contact.project_uuid),
            "channel": str(contact.channel_uuid),
            "contact": contact.urn,
        }
        is_usual = self.group == _usual_group(contact)
        return dump(fields if is_usual else {**fields, "group": self.group})


def opening_item(*, conversation_uuid: UUID, opening: Opening, place: Place, now: datetime) -> Item:
    """Return the item of a window that opened a conversation, with the key of its place.

    It expires 48 hours after `now`, the time of writing.
    """
    return {
        **message_table.key(
            conversation_uuid=partition_of(conversation_uuid),
            sort_key=place_key(place, home=opening.group),
        ),
        OPENING: {"S": str(opening)},
        OPENED: {"S": str(conversation_uuid)},
        **message_table.expiry(now + TIME_TO_LIVE),
    }


def partition_of(conversation_uuid: UUID) -> UUID:
    """Return the partition of a window's item, apart from that of the conversation's messages."""
    return uuid5(conversation_uuid, "opening")


def _usual_group(contact: Contact) -> str:
    """Return the message group of a contact whose URN SQS accepts."""
    return f"{contact.project_uuid}:{contact.channel_uuid}:{contact.urn}"
