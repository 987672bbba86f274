"""The events whose conversation is decided once: survey answers and takeovers.

The caller holds the lock of the contact.
"""

from typing import NamedTuple
from uuid import UUID

from apps.common.compiled_queries import CompiledQuery, Parameter
from apps.conversations.contacts import OF_CONTACT, Contact
from apps.conversations.models import Conversation
from apps.conversations.span_models import AttributedEvent
from celery_sqs_fifo.place import Place

_DECIDED = CompiledQuery(
    lambda: AttributedEvent.objects.filter(
        **OF_CONTACT, group_id=Parameter("group"), sequence_number=Parameter("sequence")
    ).values_list("conversation_id", "conversation__group_id", "conversation__resolution")
)


class Decided(NamedTuple):
    """The conversation of an event, its group and its resolution; None if it has none."""

    conversation_uuid: UUID | None
    group_id: str | None
    resolution: int | None


def find(contact: Contact, place: Place) -> Decided | None:
    """Return the decision about the event at a place, or None before its first run."""
    rows = _DECIDED.rows(**contact.parameters, group=place.group, sequence=place.sequence_number)
    return Decided(*rows[0]) if rows else None


def store(contact: Contact, place: Place, conversation: Conversation | None) -> None:
    """Store the decision about the event at a place."""
    AttributedEvent.objects.create(
        project_id=contact.project_uuid,
        channel_uuid=contact.channel_uuid,
        contact_urn=contact.urn,
        group_id=place.group,
        sequence_number=place.sequence_number,
        conversation=conversation,
    )
