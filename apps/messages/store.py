"""The DynamoDB table that holds the messages of conversations in progress.

An item is one version of one message: partition key the conversation, sort key the entry's key
(time, message id, content hash), the entry as one JSON string. A body beyond DynamoDB's 400 KB an
item is cut into chunk items, written before their head, so that a head says that all is there.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from django.conf import settings

from apps.errors import Unavailable
from apps.lossless_json import dump, load
from apps.messages.entries import MessageEntry

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PARTITION_KEY = "conversation_uuid"
SORT_KEY = "message_key"
EXPIRY = "expires_at"

TIME_TO_LIVE = timedelta(hours=48)
# Chunks outlive their head: DynamoDB deletes expired items in any order.
CHUNK_TIME_TO_LIVE = TIME_TO_LIVE * 2

# An item ends at 400 KB (409,600 bytes), names and keys included (DynamoDB, "Quotas"): this leaves
# room for those. Chunks are smaller, because some stand-ins for DynamoDB count binary as base64.
LARGEST_ENTRY = 408_000
LARGEST_CHUNK = 300_000
# BatchWriteItem takes at most 25 requests.
LARGEST_BATCH = 25
BATCH_ATTEMPTS = 7
FIRST_BATCH_PAUSE = 0.05

# What a batch of the archive may hold in memory.
ARCHIVE_BATCH_BYTES = 4_000_000
ARCHIVE_BATCH_ENTRIES = 500

# Errors in what we asked; everything else that DynamoDB answers may pass by itself.
OUR_FAULT = frozenset({"ValidationException", "SerializationException"})


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
    if len(body) <= LARGEST_ENTRY:
        content: dict[str, Any] = {"entry": {"S": body.decode()}}
        return _put_head(conversation_uuid, entry.key, content, now=now)
    if _is_there(conversation_uuid, entry.key):
        return False
    pieces = [body[start : start + LARGEST_CHUNK] for start in range(0, len(body), LARGEST_CHUNK)]
    for number, piece in enumerate(pieces):
        _put_chunk(conversation_uuid, f"{entry.key}#{number:04d}", piece, now=now)
    content = {"chunks": {"N": str(len(pieces))}}
    return _put_head(conversation_uuid, entry.key, content, now=now)


def put_all(*, entries: Sequence[tuple[UUID, MessageEntry]], now: datetime) -> int:
    """Store messages of several conversations, with one write for up to 25.

    For first deliveries: unlike `put`, it writes an item that is there again, with a new expiry.
    Gives how many different ones there were. Raises Unavailable; some may be stored then.
    """
    large = 0
    requests: dict[tuple[UUID, str], dict[str, Any]] = {}
    for conversation_uuid, entry in entries:
        body = dump(entry.as_json())
        if len(body.encode()) > LARGEST_ENTRY:
            large += put(conversation_uuid=conversation_uuid, entry=entry, now=now)
            continue
        item = _item(
            conversation_uuid, entry.key, {"entry": {"S": body}}, expires_at=now + TIME_TO_LIVE
        )
        # BatchWriteItem refuses a batch in which a key is repeated.
        requests.setdefault((conversation_uuid, entry.key), {"PutRequest": {"Item": item}})
    _write_in_batches(list(requests.values()))
    return large + len(requests)


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
    with dynamodb_may_be_unavailable():
        answer = client().query(
            **_query(conversation_uuid),
            ScanIndexForward=False,
            Limit=1,
            ProjectionExpression=SORT_KEY,
        )
    times = [item[SORT_KEY]["S"].partition("#")[0] for item in answer["Items"]]
    return datetime.fromisoformat(times[0]) if times else None


def delete(*, conversation_uuid: UUID, item_keys: Sequence[str]) -> None:
    """Delete exactly these items; those that are gone already are no error. Raises Unavailable."""
    _write_in_batches(
        [{"DeleteRequest": {"Key": _key(conversation_uuid, key)}} for key in item_keys]
    )


def count(conversation_uuid: UUID) -> int:
    """How many versions of messages a conversation has here. Raises Unavailable."""
    only_heads = {"Select": "COUNT", "FilterExpression": "attribute_not_exists(chunk)"}
    return sum(page["Count"] for page in _pages(conversation_uuid, **only_heads))


def delete_conversation(conversation_uuid: UUID) -> None:
    """Delete all items of a conversation, a page at a time. Raises Unavailable."""
    for page in _pages(conversation_uuid, ProjectionExpression=SORT_KEY):
        item_keys = [item[SORT_KEY]["S"] for item in page["Items"]]
        delete(conversation_uuid=conversation_uuid, item_keys=item_keys)


def ping() -> None:
    """Read nothing from the table, as a worker does. Raises Unavailable."""
    with dynamodb_may_be_unavailable():
        client().get_item(
            TableName=settings.DYNAMODB_MESSAGE_TABLE, Key=_key(UUID(int=0), "nothing")
        )


@cache
def client_of_process(_process_id: int) -> "DynamoDBClient":
    """One client for each process: making one costs over 10 ms, and a fork must not share it."""
    return boto3.client(
        "dynamodb",
        region_name=settings.DYNAMODB_REGION,
        config=Config(
            connect_timeout=2,
            read_timeout=5,
            retries={"mode": "standard", "total_max_attempts": 3},
            # It took a seventh of a write. Items are made in this file alone, and DynamoDB checks
            # them, too.
            parameter_validation=False,
        ),
    )


def client() -> "DynamoDBClient":
    """This process's client."""
    return client_of_process(os.getpid())


@contextmanager
def dynamodb_may_be_unavailable() -> Iterator[None]:
    """Turn what may pass by itself (timeouts, throttling, 5xx, credentials) into Unavailable."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in OUR_FAULT:
            raise
        raise Unavailable("DynamoDB", code) from error
    except ParamValidationError:
        raise
    except BotoCoreError as error:
        raise Unavailable("DynamoDB", type(error).__name__) from error


def _put_head(
    conversation_uuid: UUID, sort_key: str, content: dict[str, Any], *, now: datetime
) -> bool:
    """Write the item unless it is there: a redelivery must not even move its expiry."""
    is_there = client().exceptions.ConditionalCheckFailedException
    with dynamodb_may_be_unavailable(), suppress(is_there):
        client().put_item(
            TableName=settings.DYNAMODB_MESSAGE_TABLE,
            Item=_item(conversation_uuid, sort_key, content, expires_at=now + TIME_TO_LIVE),
            ConditionExpression=f"attribute_not_exists({SORT_KEY})",
        )
        return True
    return False


def _is_there(conversation_uuid: UUID, sort_key: str) -> bool:
    with dynamodb_may_be_unavailable():
        answer = client().get_item(
            TableName=settings.DYNAMODB_MESSAGE_TABLE,
            Key=_key(conversation_uuid, sort_key),
            ConsistentRead=True,
            ProjectionExpression=SORT_KEY,
        )
    return "Item" in answer


def _put_chunk(conversation_uuid: UUID, sort_key: str, piece: bytes, *, now: datetime) -> None:
    item = _item(
        conversation_uuid, sort_key, {"chunk": {"B": piece}}, expires_at=now + CHUNK_TIME_TO_LIVE
    )
    with dynamodb_may_be_unavailable():
        client().put_item(TableName=settings.DYNAMODB_MESSAGE_TABLE, Item=item)


def _item(
    conversation_uuid: UUID, sort_key: str, content: dict[str, Any], *, expires_at: datetime
) -> dict[str, Any]:
    expiry = {EXPIRY: {"N": str(int(expires_at.timestamp()))}}
    return _key(conversation_uuid, sort_key) | content | expiry


def _key(conversation_uuid: UUID, sort_key: str) -> dict[str, Any]:
    return {PARTITION_KEY: {"S": str(conversation_uuid)}, SORT_KEY: {"S": sort_key}}


def _messages(conversation_uuid: UUID) -> Iterator[tuple[MessageEntry, list[str], int]]:
    """Each message with the keys of its items and its size in bytes.

    A head sorts right before its chunks, so one pass puts bodies together.
    """
    head_key, chunks_to_come, chunk_keys, body = "", 0, list[str](), b""
    for item in _items(conversation_uuid):
        sort_key = item[SORT_KEY]["S"]
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


def _items(conversation_uuid: UUID) -> Iterator[dict[str, Any]]:
    for page in _pages(conversation_uuid):
        yield from page["Items"]


def _pages(conversation_uuid: UUID, **options: str) -> Iterator[Any]:
    query = _query(conversation_uuid) | options
    while True:
        with dynamodb_may_be_unavailable():
            page = client().query(**query)
        yield page
        if "LastEvaluatedKey" not in page:
            return
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _query(conversation_uuid: UUID) -> dict[str, Any]:
    return {
        "TableName": settings.DYNAMODB_MESSAGE_TABLE,
        "ConsistentRead": True,
        "KeyConditionExpression": f"{PARTITION_KEY} = :conversation",
        "ExpressionAttributeValues": {":conversation": {"S": str(conversation_uuid)}},
    }


def _write_in_batches(requests: Sequence[Any]) -> None:
    for start in range(0, len(requests), LARGEST_BATCH):
        _write_batch(requests[start : start + LARGEST_BATCH])


def _write_batch(requests: Sequence[Any]) -> None:
    """BatchWriteItem until nothing is left: DynamoDB hands back what it had no capacity for."""
    for attempt in range(BATCH_ATTEMPTS):
        if attempt:
            time.sleep(FIRST_BATCH_PAUSE * 2 ** (attempt - 1))
        with dynamodb_may_be_unavailable():
            answer = client().batch_write_item(
                RequestItems={settings.DYNAMODB_MESSAGE_TABLE: requests}
            )
        requests = answer.get("UnprocessedItems", {}).get(settings.DYNAMODB_MESSAGE_TABLE, [])
        if not requests:
            return
    raise Unavailable("DynamoDB", "it leaves items of a batch unprocessed")
