"""What can be asked of conversations."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from apps.conversations.contacts import Contact
from apps.conversations.models import Conversation, Resolution

ANSWERS_BELONG_FOR = timedelta(days=7)


def of_contact(contact: Contact) -> QuerySet[Conversation]:
    """All conversations of a contact."""
    return Conversation.objects.filter(
        project_id=contact.project_uuid,
        channel_uuid=contact.channel_uuid,
        contact_urn=contact.urn,
    )


def answered_conversation(*, contact: Contact, answered_at: datetime) -> UUID | None:
    """The conversation that a survey answer belongs to, if any.

    It is the one in progress if the contact has written in it (the bot's own question does not
    make it the answered one), else the latest that closed within the 7 days before the answer.
    """
    conversations = of_contact(contact)
    written_in = conversations.filter(resolution=Resolution.IN_PROGRESS, contact_wrote=True)
    closed = (
        conversations.exclude(resolution=Resolution.IN_PROGRESS)
        .filter(ended_at__gte=answered_at - ANSWERS_BELONG_FOR)
        # Two may end in one millisecond, the unit of the queue's times.
        .order_by("-ended_at", "-opened_at")
    )
    return _uuid(written_in) or _uuid(closed)


def _uuid(conversations: QuerySet[Conversation]) -> UUID | None:
    return conversations.values_list("uuid", flat=True).first()
