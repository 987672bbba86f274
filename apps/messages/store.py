"""The messages of conversations in progress, as items of the DynamoDB table.

An item is one version of one message. Its partition key is the conversation, its sort key the
entry's key (time, message id, content hash), and the entry is one JSON string. A body larger than
DynamoDB's limit of 400 KB is split into chunk items. The head item that counts them is written
last, so a head item means that its message is complete.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.common import aws
from apps.common.lossless_json import dump, load
from apps.messages import message_table
from apps.messages.entries import MessageEntry

# Names and keys count toward the size of an item; this leaves room for them. Chunks are smaller
# because some DynamoDB emulators measure binary values as base64.
MAX_ENTRY_BYTES = aws.DYNAMODB_MAX_ITEM_BYTES - 1_600
MAX_CHUNK_BYTES = 300_000

# Bounds on the messages that archiving holds in memory at once.
ARCHIVE_BATCH_BYTES = 4_000_000
ARCHIVE_BATCH_ENTRIES = 500


@dataclass(slots=True)
class StoredBatch:
    """A bounded group of a conversation's messages, oldest first, and the keys of their items."""

    entries: list[MessageEntry] = field(default_factory=list)
    item_keys: list[str] = field(default_factory=list)
    size: int = 0

    @property
    def is_full(self) -> bool:
        """Whether it has reached one of the two bounds."""
        return self.size >= ARCHIVE_BATCH_BYTES or len(self.entries) >= ARCHIVE_BATCH_ENTRIES


def put(*, conversation_uuid: UUID, entry: MessageEntry, now: datetime) -> bool:
    """Store one message, with a single write up to 400 KB; return whether it was new.

    Storing it again changes nothing. It expires 48 hours after `now`, the time of writing. Raises
    Unavailable.
    """
    body = dump(entry.as_json()).encode()
    if len(body) <= MAX_ENTRY_BYTES:
        content: dict[str, Any] = {"entry": {"S": body.decode()}}
    elif message_table.exists(conversation_uuid=conversation_uuid, sort_key=entry.key):
        return False
    else:
        content = {"chunks": {"N": str(_put_chunks(conversation_uuid, entry.key, body, now=now))}}
    # A redelivery must not change a stored item, not even its expiry.
    expires_at = now + message_table.TIME_TO_LIVE
    return message_table.put_new(
        _item(conversation_uuid, entry.key, content, expires_at=expires_at)
    )


def put_all(*, entries: Sequence[tuple[UUID, MessageEntry]], now: datetime) -> int:
    """Store messages of several conversations, with one write for up to 25; return how many.

    Duplicates count once. This is for first deliveries: unlike `put`, it replaces an item of the
    same key, with a new expiry. Raises Unavailable, after which some messages may be stored.
    """
    large = 0
    # BatchWriteItem refuses duplicate keys.
    items: dict[tuple[UUID, str], message_table.Item] = {}
    expires_at = now + message_table.TIME_TO_LIVE
    for conversation_uuid, entry in entries:
        body = dump(entry.as_json())
        if len(body.encode()) > MAX_ENTRY_BYTES:
            large += put(conversation_uuid=conversation_uuid, entry=entry, now=now)
            continue
        content = {"entry": {"S": body}}
        item = _item(conversation_uuid, entry.key, content, expires_at=expires_at)
        items.setdefault((conversation_uuid, entry.key), item)
    message_table.put_all(list(items.values()))
    return large + len(items)


def batches(conversation_uuid: UUID) -> Iterator[StoredBatch]:
    """Yield all messages of a conversation in bounded groups, oldest first.

    Reads are consistent and include expired items that DynamoDB has not deleted yet. Chunks of a
    body that was not completely written are skipped. Raises Unavailable.
    """
    batch = StoredBatch()
    for entry, item_keys, size in _messages(conversation_uuid):
        batch.entries.append(entry)
        batch.item_keys += item_keys
        batch.size += size
        if batch.is_full:
            yield batch
            batch = StoredBatch()
    if batch.entries:
        yield batch


def newest_message_at(conversation_uuid: UUID) -> datetime | None:
    """Return the producer's time of the newest stored message, or None. Raises Unavailable."""
    last = message_table.last_sort_key(conversation_uuid)
    return datetime.fromisoformat(last.partition("#")[0]) if last else None


def delete(*, conversation_uuid: UUID, item_keys: Sequence[str]) -> None:
    """Delete exactly these items. Missing items are not an error. Raises Unavailable."""
    message_table.delete_all(
        [message_table.key(conversation_uuid=conversation_uuid, sort_key=key) for key in item_keys]
    )


def count(conversation_uuid: UUID) -> int:
    """Return how many versions of messages a conversation has. Raises Unavailable."""
    only_heads = {"Select": "COUNT", "FilterExpression": "attribute_not_exists(chunk)"}
    return sum(page["Count"] for page in message_table.pages(conversation_uuid, **only_heads))


def delete_conversation(conversation_uuid: UUID) -> None:
    """Delete all items of a conversation, a page at a time. Raises Unavailable."""
    for page in message_table.pages(conversation_uuid, ProjectionExpression=message_table.SORT_KEY):
        item_keys = [item[message_table.SORT_KEY]["S"] for item in page["Items"]]
        delete(conversation_uuid=conversation_uuid, item_keys=item_keys)


def _put_chunks(conversation_uuid: UUID, sort_key: str, body: bytes, *, now: datetime) -> int:
    """Write the chunks of a body; return how many there are."""
    pieces = [
        body[start : start + MAX_CHUNK_BYTES] for start in range(0, len(body), MAX_CHUNK_BYTES)
    ]
    expires_at = now + message_table.CHUNK_TIME_TO_LIVE
    for number, piece in enumerate(pieces):
        chunk_key, content = f"{sort_key}#{number:04d}", {"chunk": {"B": piece}}
        message_table.put(_item(conversation_uuid, chunk_key, content, expires_at=expires_at))
    return len(pieces)


def _item(
    conversation_uuid: UUID, sort_key: str, content: dict[str, Any], *, expires_at: datetime
) -> message_table.Item:
    primary_key = message_table.key(conversation_uuid=conversation_uuid, sort_key=sort_key)
    return primary_key | content | {message_table.EXPIRY: {"N": str(int(expires_at.timestamp()))}}


def _messages(conversation_uuid: UUID) -> Iterator[tuple[MessageEntry, list[str], int]]:
    """Yield each message with the keys of its items and its size in bytes.

    A head sorts directly before its chunks, so one pass is enough to join the bodies.
    """
    head_key, chunks_to_come, chunk_keys, body = "", 0, list[str](), b""
    for item in _items(conversation_uuid):
        sort_key = item[message_table.SORT_KEY]["S"]
        if "entry" in item:
            text = item["entry"]["S"]
            yield MessageEntry.from_json(load(text)), [sort_key], len(text)
        elif "chunks" in item:
            head_key, chunks_to_come = sort_key, int(item["chunks"]["N"])
            chunk_keys, body = [], b""
        elif sort_key.startswith(f"{head_key}#") and len(chunk_keys) < chunks_to_come:
            chunk_keys.append(sort_key)
            body += item["chunk"]["B"]
            if len(chunk_keys) == chunks_to_come:
                yield (
                    MessageEntry.from_json(load(body.decode())),
                    [head_key, *chunk_keys],
                    len(body),
                )


def _items(conversation_uuid: UUID) -> Iterator[Any]:
    for page in message_table.pages(conversation_uuid):
        yield from page["Items"]
