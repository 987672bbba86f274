"""The events whose conversation is decided once: survey answers and takeovers.

The caller holds the lock of the contact.
"""

from apps.conversations.contacts import Contact
from apps.conversations.models import Conversation
from apps.conversations.span_models import AttributedEvent
from celery_sqs_fifo.place import Place


def find(contact: Contact, place: Place) -> AttributedEvent | None:
    """Return the decision about the event at a place, or None before its first run."""
    decided = AttributedEvent.objects.filter(
        project_id=contact.project_uuid,
        channel_uuid=contact.channel_uuid,
        contact_urn=contact.urn,
        group_id=place.group,
        sequence_number=place.sequence_number,
    )
    return decided.select_related("conversation").first()


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
