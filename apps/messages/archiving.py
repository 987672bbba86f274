"""Moving a conversation's messages from DynamoDB into its archive in PostgreSQL.

This module reads DynamoDB and deletes from it; apps.messages.archive writes the archive.
"""

from datetime import datetime
from uuid import UUID

from apps.conversations.models import Conversation, Resolution
from apps.messages import archive, store


def migrate(*, conversation_uuid: UUID, now: datetime) -> int:
    """Move all messages of a conversation into its archive; return how many versions were moved.

    The messages are read in bounded groups. Each group is merged, checked and committed before
    exactly its items are deleted, so a crash loses nothing, and a rerun ends in the same archive.
    No row is locked while DynamoDB is read. A closed conversation is then marked as archived. The
    function stops when it finds that the conversation was erased. Raises Unavailable.
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
