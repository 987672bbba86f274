"""Removing the messages of erased contacts, wherever they are."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Sum

from apps.messages import store
from apps.messages.models import ConversationMessages


def count_stored(conversation_uuids: Collection[UUID]) -> int:
    """How many messages of these conversations are in DynamoDB. Raises Unavailable."""
    return sum(store.count(uuid) for uuid in conversation_uuids)


def delete_stored(conversation_uuids: Collection[UUID]) -> None:
    """Delete all that DynamoDB has of these conversations. Raises Unavailable."""
    for uuid in conversation_uuids:
        store.delete_conversation(uuid)


def count_archived(conversation_uuids: Collection[UUID]) -> int:
    """How many messages are in the archives of these conversations."""
    parts = ConversationMessages.objects.filter(conversation_id__in=conversation_uuids)
    count: int | None = parts.aggregate(messages=Sum("message_count"))["messages"]
    return count or 0


def delete_archives(conversation_uuids: Collection[UUID]) -> int:
    """Delete the archives of these conversations, which are locked; gives how many messages."""
    count = count_archived(conversation_uuids)
    ConversationMessages.objects.filter(conversation_id__in=conversation_uuids).delete()
    return count
