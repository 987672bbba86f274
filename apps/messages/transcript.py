"""Reading a conversation's messages from the archive and from DynamoDB."""

from collections.abc import Collection, Iterable, Iterator

from apps.conversations.models import Conversation
from apps.messages import store
from apps.messages.archive_parts import merged_places
from apps.messages.deletions import shown_in
from apps.messages.statuses import with_statuses
from apps.messages.store import StoredBatch
from apps.messages.versions import Document, identity, in_order, merge_documents


def transcript(conversation: Conversation) -> list[Document]:
    """Return all messages of a conversation, oldest first, in the archive's form.

    There is one entry for each message. Its edits include the versions that are not archived yet.
    Its `status` is its last delivery status, if statuses are kept. No lock is taken. Raise
    Unavailable.
    """
    batches = unarchived(conversation, known=merged_places(conversation.uuid))
    stored = [document for batch in batches for document in batch.documents]
    documents = merge_archived_and_stored(
        [document for part in conversation.archive_parts.all() for document in part.messages],
        stored,
        deletions=shown_in(conversation),
        home=conversation.group_id,
    )
    return with_statuses(documents, conversation=conversation)


def unarchived(conversation: Conversation, *, known: Collection[str]) -> Iterator[StoredBatch]:
    """Yield the messages in DynamoDB that the archive lacked when `known` was read from it.

    Raise Unavailable.
    """
    return store.batches(conversation.uuid, known=known)


def merge_archived_and_stored(
    archived: Iterable[Document],
    stored: Iterable[Document],
    *,
    deletions: Iterable[Document],
    home: str,
) -> list[Document]:
    """Return the archived messages merged with the versions from DynamoDB, oldest first.

    `stored` may hold versions of archived messages and messages that are not archived yet.
    `deletions` are merged with the messages that they delete.
    """
    documents = {identity(document): document for document in archived}
    for version in stored:
        known = documents.get(identity(version))
        documents[identity(version)] = merge_documents(
            [known, version] if known else [version], home=home
        )
    for deletion in deletions:
        if message := documents.get(identity(deletion)):
            documents[identity(deletion)] = merge_documents([message, deletion], home=home)
    return in_order(documents.values(), home=home)
