"""Moving a conversation's messages from DynamoDB into its archive in PostgreSQL."""

from datetime import datetime
from uuid import UUID

from apps.conversations.models import Conversation, Resolution
from apps.messages import archive, store


def migrate(*, conversation_uuid: UUID, now: datetime) -> int:
    """Move all messages of a conversation into its archive; gives how many versions were moved.

    Each bounded batch is read, merged, checked and committed before exactly its items are deleted,
    so a crash anywhere loses nothing, and running it again ends in the same archive. No row is
    locked while DynamoDB is read. A closed conversation is then marked as archived. Raises
    Unavailable. Nothing is moved of a conversation that was erased meanwhile.
    """
    moved = 0
    for batch in store.batches(conversation_uuid):
        try:
            archive.merge(conversation_uuid=conversation_uuid, entries=batch.entries)
        except Conversation.DoesNotExist:
            return moved
        store.delete(conversation_uuid=conversation_uuid, item_keys=batch.item_keys)
        moved += len(batch.entries)
    (
        Conversation.objects.filter(uuid=conversation_uuid, archived_at=None)
        .exclude(resolution=Resolution.IN_PROGRESS)
        .update(archived_at=now)
    )
    return moved
