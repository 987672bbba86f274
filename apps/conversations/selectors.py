"""Queries of conversations."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from apps.conversations.contacts import Contact
from apps.conversations.models import Conversation, Resolution

MAX_ANSWER_DELAY = timedelta(days=7)


def of_contact(contact: Contact) -> QuerySet[Conversation]:
    """Return all conversations of a contact."""
    return Conversation.objects.filter(
        project_id=contact.project_uuid,
        channel_uuid=contact.channel_uuid,
        contact_urn=contact.urn,
    )


def answered_conversation(*, contact: Contact, answered_at: datetime) -> UUID | None:
    """Return the uuid of the conversation that a survey answer belongs to, or None.

    It is the conversation in progress if the contact has written in it. A question that only the
    bot sent does not count. Otherwise it is the last conversation that closed within the 7 days
    before the answer.
    """
    conversations = of_contact(contact)
    written_in = conversations.filter(resolution=Resolution.IN_PROGRESS, contact_wrote=True)
    closed = (
        conversations.exclude(resolution=Resolution.IN_PROGRESS)
        .filter(ended_at__gte=answered_at - MAX_ANSWER_DELAY)
        # Queue times are in milliseconds, so two conversations may end at the same time.
        .order_by("-ended_at", "-opened_at")
    )
    return _uuid(written_in) or _uuid(closed)


def _uuid(conversations: QuerySet[Conversation]) -> UUID | None:
    return conversations.values_list("uuid", flat=True).first()
