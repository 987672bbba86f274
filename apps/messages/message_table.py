"""The DynamoDB table of messages: its keys, and the calls to it.

apps.messages.message_items and apps.messages.statuses define the content of its items. Every call
raises Unavailable if DynamoDB fails temporarily.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from apps.common import aws
from apps.common.errors import Unavailable

PARTITION_KEY = "conversation_uuid"
SORT_KEY = "message_key"
EXPIRY = "expires_at"
TIME_TO_LIVE = timedelta(hours=48)
# DynamoDB deletes expired items in any order; no chunk may expire before its head.
CHUNK_TIME_TO_LIVE = TIME_TO_LIVE * 2

BATCH_ATTEMPTS = 7
FIRST_BATCH_PAUSE = 0.05
# The pauses before a page of a Scan is asked for again, in seconds.
SCAN_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)

# Errors in our request. Every other error of DynamoDB may disappear without a change on our side.
OUR_FAULT = frozenset({"ValidationException", "SerializationException"})

Item = Mapping[str, Any]


def probe(*, worker: str, now: datetime) -> None:
    """Write, read and delete an item, as processing an event does. Raise Unavailable.

    No conversation has the item's key. If the process dies before the delete, the item expires
    within an hour.
    """
    primary_key = key(conversation_uuid=UUID(int=0), sort_key=f"probe#{worker}")
    put({**primary_key, **expiry(now + timedelta(hours=1))})
    _get(primary_key)
    delete_all([primary_key])


def key(*, conversation_uuid: UUID, sort_key: str) -> dict[str, Any]:
    """Return the primary key of an item."""
    return {PARTITION_KEY: {"S": str(conversation_uuid)}, SORT_KEY: {"S": sort_key}}


def expiry(at: datetime) -> dict[str, Any]:
    """Return the attribute of an item that expires at this time."""
    return {EXPIRY: {"N": str(int(at.timestamp()))}}


def exists(item: Item) -> bool:
    """Return whether the table has an item with the same keys, by a consistent read."""
    primary_key = {name: item[name] for name in (PARTITION_KEY, SORT_KEY)}
    return "Item" in _get(primary_key, ConsistentRead=True, ProjectionExpression=SORT_KEY)


def put(item: Item) -> None:
    """Write the item; replace an item with the same key."""
    with _may_be_unavailable():
        aws.dynamodb_client().put_item(TableName=settings.DYNAMODB_MESSAGE_TABLE, Item=item)


def put_new(item: Item, *, options: aws.CallOptions = aws.MESSAGES) -> bool:
    """Write the item unless the table has its key; return whether it was written."""
    with _may_be_unavailable():
        dynamodb = aws.dynamodb_client(options=options)
        with suppress(dynamodb.exceptions.ConditionalCheckFailedException):
            dynamodb.put_item(
                TableName=settings.DYNAMODB_MESSAGE_TABLE,
                Item=item,
                ConditionExpression=f"attribute_not_exists({SORT_KEY})",
            )
            return True
    return False


def put_all(items: Sequence[Item]) -> None:
    """Write items of different keys, with one call for up to 25; replace those with the same keys.

    If it raises, some of the items may be written.
    """
    _write_in_batches([{"PutRequest": {"Item": item}} for item in items])


def delete_all(keys: Sequence[Item]) -> None:
    """Delete items, with one call for up to 25. Missing items are not an error."""
    _write_in_batches([{"DeleteRequest": {"Key": one}} for one in keys])


def delete_partition(partition: UUID) -> None:
    """Delete all items of a partition, a page at a time."""
    for page in pages(partition, ProjectionExpression=SORT_KEY):
        delete_keys(partition, [item[SORT_KEY]["S"] for item in page["Items"]])


def delete_keys(partition: UUID, sort_keys: Sequence[str]) -> None:
    """Delete the items of a partition that have these sort keys."""
    delete_all([key(conversation_uuid=partition, sort_key=one) for one in sort_keys])


def pages(
    conversation_uuid: UUID, *, between: tuple[str, str] | None = None, **options: str
) -> Iterator[Any]:
    """Yield all pages of a consistent Query for a conversation's items, in order of sort key.

    With `between`, only the items between these two sort keys, both included, are read. `options`
    are further parameters of Query.
    """
    query = _query(conversation_uuid) | options
    if between:
        query["KeyConditionExpression"] += f" AND {SORT_KEY} BETWEEN :first AND :last"
        first, last = between
        query["ExpressionAttributeValues"] |= {":first": {"S": first}, ":last": {"S": last}}
    yield from _pages_of(query, read=_queried)


def scan(*, written_since: datetime, having: str, projection: str) -> Iterator[Any]:
    """Yield all pages of a consistent Scan for the items that were written since a time.

    `having` is a filter expression that they must meet, too. Items of chunks are left out, because
    they expire later. The items of a conversation follow one another, in the order of their sort
    keys. A page that DynamoDB has no capacity for is asked for again, with growing pauses.
    """
    expires_at = int((written_since + TIME_TO_LIVE).timestamp())
    request: dict[str, Any] = {
        "TableName": settings.DYNAMODB_MESSAGE_TABLE,
        "ConsistentRead": True,
        "FilterExpression": f"{EXPIRY} >= :expires AND attribute_not_exists(chunk) AND {having}",
        "ExpressionAttributeValues": {":expires": {"N": str(expires_at)}},
        "ProjectionExpression": projection,
    }
    yield from _pages_of(request, read=_scanned)


def _pages_of(
    request: Mapping[str, Any], *, read: Callable[[Mapping[str, Any]], Any]
) -> Iterator[Any]:
    start: dict[str, Any] = {}
    while True:
        page = read({**request, **start})
        yield page
        if "LastEvaluatedKey" not in page:
            return
        start["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _queried(request: Mapping[str, Any]) -> Any:
    with _may_be_unavailable():
        return aws.dynamodb_client().query(**request)


def _scanned(request: Mapping[str, Any]) -> Any:
    for pause in SCAN_PAUSES:
        with suppress(Unavailable):
            return _scan(request)
        time.sleep(pause)
    return _scan(request)


def _scan(request: Mapping[str, Any]) -> Any:
    with _may_be_unavailable():
        return aws.dynamodb_client().scan(**request)


def last_sort_key(conversation_uuid: UUID) -> str | None:
    """Return the greatest sort key of a conversation's items, or None if it has no items."""
    with _may_be_unavailable():
        answer = aws.dynamodb_client().query(
            **_query(conversation_uuid),
            ScanIndexForward=False,
            Limit=1,
            ProjectionExpression=SORT_KEY,
        )
    return next((str(item[SORT_KEY]["S"]) for item in answer["Items"]), None)


def _may_be_unavailable() -> AbstractContextManager[None]:
    return aws.may_be_unavailable("DynamoDB", our_fault=OUR_FAULT)


def _get(primary_key: Item, **options: Any) -> Any:
    with _may_be_unavailable():
        return aws.dynamodb_client().get_item(
            TableName=settings.DYNAMODB_MESSAGE_TABLE, Key=primary_key, **options
        )


def _query(conversation_uuid: UUID) -> dict[str, Any]:
    return {
        "TableName": settings.DYNAMODB_MESSAGE_TABLE,
        "ConsistentRead": True,
        "KeyConditionExpression": f"{PARTITION_KEY} = :conversation",
        "ExpressionAttributeValues": {":conversation": {"S": str(conversation_uuid)}},
    }


def _write_in_batches(requests: Sequence[Any]) -> None:
    for start in range(0, len(requests), aws.DYNAMODB_MAX_BATCH_ITEMS):
        _write_batch(requests[start : start + aws.DYNAMODB_MAX_BATCH_ITEMS])


def _write_batch(requests: Sequence[Any]) -> None:
    """Repeat BatchWriteItem until DynamoDB returns no unprocessed items.

    DynamoDB returns the items for which it had no capacity. Raise Unavailable if some are left
    after the last attempt.
    """
    for attempt in range(BATCH_ATTEMPTS):
        if attempt:
            time.sleep(FIRST_BATCH_PAUSE * 2 ** (attempt - 1))
        with _may_be_unavailable():
            answer = aws.dynamodb_client().batch_write_item(
                RequestItems={settings.DYNAMODB_MESSAGE_TABLE: requests}
            )
        requests = answer.get("UnprocessedItems", {}).get(settings.DYNAMODB_MESSAGE_TABLE, [])
        if not requests:
            return
    raise Unavailable("DynamoDB", "it leaves items of a batch unprocessed")
