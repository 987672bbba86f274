"""Reading a conversation's messages from the archive and from DynamoDB."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from apps.messages import store
from apps.messages.archive import position
from apps.messages.entries import MessageEntry
from apps.messages.models import ConversationMessages


def transcript(conversation_uuid: UUID) -> list[dict[str, Any]]:
    """Return all messages of a conversation, oldest first, in the archive's form.

    There is one entry for each message id. Its edits include the versions that are not archived
    yet. No lock is taken. Raises Unavailable.
    """
    # DynamoDB is read first: a message that moves meanwhile is archived before DynamoDB loses it.
    stored = [entry for batch in store.batches(conversation_uuid) for entry in batch.entries]
    parts = ConversationMessages.objects.filter(conversation_id=conversation_uuid)
    return merge_archived_and_stored(
        [document for part in parts for document in part.messages], stored
    )


def merge_archived_and_stored(
    archived: Iterable[dict[str, Any]], stored: Iterable[MessageEntry]
) -> list[dict[str, Any]]:
    """Return the archived messages merged with the versions from DynamoDB, oldest first.

    `stored` may hold versions of archived messages and messages that are not archived yet.
    """
    documents = {document["id"]: document for document in archived}
    for entry in stored:
        document = documents.setdefault(entry.message_id, entry.as_json())
        versions = [document, *document.get("edits", ())]
        if entry.key not in {MessageEntry.from_json(version).key for version in versions}:
            document["edits"] = sorted([*versions[1:], entry.as_json()], key=position)
    return sorted(documents.values(), key=position)
