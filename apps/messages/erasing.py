"""Deleting the messages and dead letters of erased contacts in all stores."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Sum

from apps.conversations.erasing import precedes
from apps.messages import deletions, message_table, openings, statuses, store
from apps.messages.dead_letter_format import place_of
from apps.messages.models import ConversationMessages, DeadLetter
from celery_sqs_fifo.place import Place


def groups_of(*, project_uuid: UUID, urn: str) -> set[str]:
    """Return the message groups of the contact's deletions."""
    recorded = deletions.of_urn(project_uuid=project_uuid, urn=urn)
    return set(recorded.values_list("group_id", flat=True))


def delete_letters_before(mark: Place, *, project_uuid: UUID, urn: str) -> int:
    """Delete the dead letters that name the contact and were queued before a mark.

    Return how many there were.
    """
    letters = DeadLetter.objects.filter(project_uuid=project_uuid, contact_urn=urn)
    before = [one.pk for one in letters.defer("body") if precedes(place_of(one), mark=mark)]
    deleted, _ = letters.filter(pk__in=before).delete()
    return deleted


def count_stored(conversation_uuids: Collection[UUID]) -> int:
    """Return how many versions of messages DynamoDB has of these conversations.

    Raise Unavailable.
    """
    return sum(store.count(uuid) for uuid in conversation_uuids)


def delete_stored(conversation_uuids: Collection[UUID]) -> None:
    """Delete all items of these conversations from DynamoDB. Raise Unavailable."""
    for uuid in conversation_uuids:
        store.delete_conversation(uuid)
        message_table.delete_partition(statuses.partition_of(uuid))
        message_table.delete_partition(openings.partition_of(uuid))


def count_archived(conversation_uuids: Collection[UUID]) -> int:
    """Return how many messages are in the archives of these conversations."""
    parts = ConversationMessages.objects.filter(conversation_id__in=conversation_uuids)
    count: int | None = parts.aggregate(messages=Sum("message_count"))["messages"]
    return count or 0


def delete_archives(conversation_uuids: Collection[UUID]) -> int:
    """Delete the archives of these conversations; return how many messages they had.

    The caller holds the locks of the conversations.
    """
    count = count_archived(conversation_uuids)
    ConversationMessages.objects.filter(conversation_id__in=conversation_uuids).delete()
    return count
