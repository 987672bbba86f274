"""The messages of conversations in progress, as items of the DynamoDB table.

An item is one version of one message: partition key the conversation, sort key the entry's key
(time, message id, content hash), the entry as one JSON string. A body beyond DynamoDB's 400 KB an
item is cut into chunk items, written before their head, so that a head says that all is there.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from apps.common import aws
from apps.common.lossless_json import dump, load
from apps.messages import message_table
from apps.messages.entries import MessageEntry

TIME_TO_LIVE = timedelta(hours=48)
# Chunks outlive their head: DynamoDB deletes expired items in any order.
CHUNK_TIME_TO_LIVE = TIME_TO_LIVE * 2

# Names and keys count into an item, too: this leaves room for them. Chunks are smaller, because
# some stand-ins for DynamoDB count binary as base64.
MAX_ENTRY_BYTES = aws.DYNAMODB_MAX_ITEM_BYTES - 1_600
MAX_CHUNK_BYTES = 300_000

# What a batch of the archive may hold in memory.
ARCHIVE_BATCH_BYTES = 4_000_000
ARCHIVE_BATCH_ENTRIES = 500


@dataclass(slots=True)
class StoredBatch:
    """Some messages of a conversation, oldest first, and the sort keys of all their items."""

    entries: list[MessageEntry] = field(default_factory=list)
    item_keys: list[str] = field(default_factory=list)
    size: int = 0

    @property
    def is_full(self) -> bool:
        """Whether it has grown to what should be held in memory at once."""
        return self.size >= ARCHIVE_BATCH_BYTES or len(self.entries) >= ARCHIVE_BATCH_ENTRIES


def put(*, conversation_uuid: UUID, entry: MessageEntry, now: datetime) -> bool:
    """Store one message; one write up to 400 KB. Storing it again changes nothing.

    Tells whether it was new. It expires 48 hours after `now`, the time of writing. Raises
    Unavailable.
    """
    body = dump(entry.as_json()).encode()
    if len(body) <= MAX_ENTRY_BYTES:
        content: dict[str, Any] = {"entry": {"S": body.decode()}}
    elif message_table.is_there(conversation_uuid=conversation_uuid, sort_key=entry.key):
        return False
    else:
        content = {"chunks": {"N": str(_put_chunks(conversation_uuid, entry.key, body, now=now))}}
    # A redelivery must not even move the expiry of what is there.
    expires_at = now + TIME_TO_LIVE
    return message_table.put_new(
        _item(conversation_uuid, entry.key, content, expires_at=expires_at)
    )


def put_all(*, entries: Sequence[tuple[UUID, MessageEntry]], now: datetime) -> int:
    """Store messages of several conversations, with one write for up to 25.

    For first deliveries: unlike `put`, it writes an item that is there again, with a new expiry.
    Gives how many different ones there were. Raises Unavailable; some may be stored then.
    """
    large = 0
    # BatchWriteItem refuses a batch in which a key is repeated.
    items: dict[tuple[UUID, str], message_table.Item] = {}
    expires_at = now + TIME_TO_LIVE
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
    """All messages of a conversation in bounded batches, oldest first.

    Reads are consistent and paged to the end, and take items that have expired but are still
    there. Items of a body that was never written to its end belong to no message and are left.
    Raises Unavailable.
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
    """The time of the newest message that is there, as its producer said. Raises Unavailable."""
    last = message_table.last_sort_key(conversation_uuid)
    return datetime.fromisoformat(last.partition("#")[0]) if last else None


def delete(*, conversation_uuid: UUID, item_keys: Sequence[str]) -> None:
    """Delete exactly these items; those that are gone already are no error. Raises Unavailable."""
    message_table.delete_all(
        [message_table.key(conversation_uuid=conversation_uuid, sort_key=key) for key in item_keys]
    )


def count(conversation_uuid: UUID) -> int:
    """How many versions of messages a conversation has here. Raises Unavailable."""
    only_heads = {"Select": "COUNT", "FilterExpression": "attribute_not_exists(chunk)"}
    return sum(page["Count"] for page in message_table.pages(conversation_uuid, **only_heads))


def delete_conversation(conversation_uuid: UUID) -> None:
    """Delete all items of a conversation, a page at a time. Raises Unavailable."""
    for page in message_table.pages(conversation_uuid, ProjectionExpression=message_table.SORT_KEY):
        item_keys = [item[message_table.SORT_KEY]["S"] for item in page["Items"]]
        delete(conversation_uuid=conversation_uuid, item_keys=item_keys)


def _put_chunks(conversation_uuid: UUID, sort_key: str, body: bytes, *, now: datetime) -> int:
    """Write the chunks of a body; gives how many there are."""
    pieces = [
        body[start : start + MAX_CHUNK_BYTES] for start in range(0, len(body), MAX_CHUNK_BYTES)
    ]
    expires_at = now + CHUNK_TIME_TO_LIVE
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
    """Each message with the keys of its items and its size in bytes.

    A head sorts right before its chunks, so one pass puts bodies together.
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
