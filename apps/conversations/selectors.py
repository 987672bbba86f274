"""Queries of conversations."""

from collections.abc import Collection
from functools import reduce
from operator import or_
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.common.compiled_queries import CompiledQuery, Parameter
from apps.conversations.contacts import OF_CONTACT, Contact
from apps.conversations.models import Conversation, Resolution

_IN_PROGRESS = CompiledQuery(
    lambda: _identified(
        Conversation.objects.filter(**OF_CONTACT, resolution=Resolution.IN_PROGRESS)
    )
)
_BY_UUID = CompiledQuery(
    lambda: _identified(Conversation.objects.filter(uuid=Parameter("conversation")))
)


def of_contact(contact: Contact) -> QuerySet[Conversation]:
    """Return all conversations of a contact."""
    return Conversation.objects.filter(
        project_id=contact.project_uuid,
        channel_uuid=contact.channel_uuid,
        contact_urn=contact.urn,
    )


def in_progress(contact: Contact) -> Conversation | None:
    """Return the contact's conversation in progress, as `all_in_progress` does, or None."""
    return _IN_PROGRESS.first(**contact.parameters)


def all_in_progress(contacts: Collection[Contact]) -> dict[Contact, Conversation]:
    """Return the conversations in progress of these contacts, using one SQL statement.

    Only the fields that identify a conversation, and `opened_at`, are loaded.
    """
    if not contacts:
        return {}
    is_theirs = reduce(
        or_,
        (
            Q(project_id=one.project_uuid, channel_uuid=one.channel_uuid, contact_urn=one.urn)
            for one in contacts
        ),
    )
    found = Conversation.objects.filter(is_theirs, resolution=Resolution.IN_PROGRESS)
    return {contact_of(conversation): conversation for conversation in _identified(found)}


def contact_of(conversation: Conversation) -> Contact:
    """Return the contact of a conversation."""
    return Contact(
        project_uuid=conversation.project_id,
        channel_uuid=conversation.channel_uuid,
        urn=conversation.contact_urn,
    )


def find(conversation_uuid: UUID) -> Conversation | None:
    """Return the conversation, with the fields that `all_in_progress` loads, or None."""
    return _BY_UUID.first(conversation=conversation_uuid)


def _identified(conversations: QuerySet[Conversation]) -> QuerySet[Conversation]:
    return conversations.only(
        "uuid", "project_id", "channel_uuid", "contact_urn", "group_id", "opened_at"
    )
