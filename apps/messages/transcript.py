"""Reading a conversation's messages wherever they are."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from apps.messages import store
from apps.messages.archive import position
from apps.messages.entries import MessageEntry
from apps.messages.models import ConversationMessages


def transcript(conversation_uuid: UUID) -> list[dict[str, Any]]:
    """All messages of a conversation, oldest first, in the archive's form.

    One entry for each message id; versions that have yet to be archived stand among its edits.
    Reads without a lock. Raises Unavailable.
    """
    # What moves meanwhile is in the archive before it leaves DynamoDB: so that one is read first.
    stored = [entry for batch in store.batches(conversation_uuid) for entry in batch.entries]
    parts = ConversationMessages.objects.filter(conversation_id=conversation_uuid)
    return together([document for part in parts for document in part.messages], stored)


def together(
    archived: Iterable[dict[str, Any]], stored: Iterable[MessageEntry]
) -> list[dict[str, Any]]:
    """Archived messages and all stored versions of them and of others, as one, oldest first."""
    documents = {document["id"]: document for document in archived}
    for entry in stored:
        document = documents.setdefault(entry.message_id, entry.as_json())
        versions = [document, *document.get("edits", ())]
        if entry.key not in {MessageEntry.from_json(version).key for version in versions}:
            document["edits"] = sorted([*versions[1:], entry.as_json()], key=position)
    return sorted(documents.values(), key=position)
