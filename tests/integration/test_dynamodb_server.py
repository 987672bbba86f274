"""The model of DynamoDB answers as moto does, refuses what AWS refuses, and fails on demand."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from embedded.stack import Stack
from testbed.dynamodb import DynamoDbServer, running_dynamodb_server
from testbed.dynamodb.accounts import Usage
from testbed.dynamodb.items import MAX_ITEM_BYTES, PARTITION, SORT

TABLE = "compared"
HUNDRED_KILOBYTES = 100_000
Call = tuple[str, dict[str, Any]]


def item(number: int, *, size: int = 10, partition: str = "p") -> dict[str, Any]:
    """Return an item with a text of `size` characters."""
    return {**key(number, partition=partition), "entry": {"S": f"{number}".ljust(size, "x")}}


def key(number: int, *, partition: str = "p") -> dict[str, Any]:
    return {PARTITION: {"S": partition}, SORT: {"S": f"{number:03d}"}}


def put(number: int, **fields: Any) -> Call:
    return "put_item", {"Item": item(number, **fields)}


def written(number: int, *, expires_at: int, **fields: Any) -> Call:
    expiry = {"expires_at": {"N": str(expires_at)}}
    return "put_item", {"Item": {**key(number), **expiry, **fields}}


def query(**options: Any) -> Call:
    asked = {
        "ConsistentRead": True,
        "KeyConditionExpression": f"{PARTITION} = :conversation",
        "ExpressionAttributeValues": {":conversation": {"S": "p"}},
    }
    return "query", asked | options


def batch(*requests: dict[str, Any]) -> Call:
    return "batch_write_item", {"RequestItems": {TABLE: list(requests)}}


def puts(*numbers: int) -> list[dict[str, Any]]:
    return [{"PutRequest": {"Item": item(number)}} for number in numbers]


def deletes(*numbers: int) -> list[dict[str, Any]]:
    return [{"DeleteRequest": {"Key": key(number)}} for number in numbers]


TABLE_OF_STORE: dict[str, Any] = {
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [
        {"AttributeName": PARTITION, "KeyType": "HASH"},
        {"AttributeName": SORT, "KeyType": "RANGE"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "S"} for name in (PARTITION, SORT)
    ],
}
SINCE = "expires_at >= :expires"
SCAN = {
    "ConsistentRead": True,
    "ExpressionAttributeValues": {":expires": {"N": "3"}},
    "ProjectionExpression": f"{PARTITION}, {SORT}, opening",
}
CONDITION = {"ConditionExpression": f"attribute_not_exists({SORT})"}
STORIES: dict[str, list[Call]] = {
    "a put": [put(2), put(1), put(3, partition="another"), query()],
    "a put again": [put(1), put(1, size=50), query()],
    "a conditional put": [
        ("put_item", {"Item": item(1), **CONDITION}),
        ("put_item", {"Item": item(1, size=50), **CONDITION}),
        query(),
    ],
    "an item that is too large": [put(1, size=MAX_ITEM_BYTES), query()],
    "binary": [("put_item", {"Item": {**key(1), "chunk": {"B": b"\x00\xff"}}}), query()],
    "a get": [
        put(1),
        ("get_item", {"Key": key(1), "ConsistentRead": True}),
        ("get_item", {"Key": key(1), "ProjectionExpression": SORT}),
        ("get_item", {"Key": key(2)}),
    ],
    "a batch": [batch(*puts(3, 1, 2)), batch(*deletes(1, 9), *puts(4)), query()],
    "a batch of 25": [batch(*puts(*range(25))), query()],
    "a key that occurs twice in a batch": [batch(*puts(1, 1)), query()],
    "the newest": [
        batch(*puts(1, 2, 3)),
        query(ScanIndexForward=False, Limit=1, ProjectionExpression=SORT),
    ],
    "some attributes": [
        put(1),
        ("put_item", {"Item": {**key(2), "chunk": {"B": b"x"}}}),
        query(ProjectionExpression=f"{SORT}, chunk, entry"),
    ],
    "the items after a key": [
        batch(*puts(1, 2, 3)),
        query(ExclusiveStartKey=key(1)),
        query(ExclusiveStartKey=key(3), ScanIndexForward=False),
    ],
    "a count of items that are not chunks": [
        put(1),
        ("put_item", {"Item": {**key(2), "chunk": {"B": b"x"}}}),
        query(Select="COUNT", FilterExpression="attribute_not_exists(chunk)"),
    ],
    "a scan": [put(1), put(2), ("scan", {"ConsistentRead": True})],
    "a scan for what was written since a time": [
        *(written(number, expires_at=number) for number in range(5)),
        written(5, expires_at=5, chunk={"B": b"x"}),
        written(6, expires_at=6, entry={"S": "x"}),
        written(7, expires_at=7, chunks={"N": "2"}, opening={"S": "x"}),
        ("scan", {**SCAN, "FilterExpression": f"{SINCE} AND attribute_exists(opening)"}),
        (
            "scan",
            {
                **SCAN,
                "FilterExpression": f"{SINCE} AND attribute_not_exists(chunk)"
                " AND (attribute_exists(entry) OR attribute_exists(chunks))",
            },
        ),
        ("scan", {**SCAN, "FilterExpression": SINCE, "Limit": 3}),
    ],
    "the items of a conversation that have an attribute": [
        put(1),
        written(2, expires_at=2, opening={"S": "x"}),
        query(FilterExpression="attribute_exists(opening)", ProjectionExpression="opening"),
    ],
    "a missing table": [("get_item", {"Key": key(1), "TableName": "no_such"})],
    "a table that exists already": [("create_table", {**TABLE_OF_STORE})],
    "the keys of a table": [("describe_table", {})],
    "expiry": [
        ("describe_time_to_live", {}),
        (
            "update_time_to_live",
            {"TimeToLiveSpecification": {"Enabled": True, "AttributeName": "expires_at"}},
        ),
        ("describe_time_to_live", {}),
    ],
}


@pytest.fixture(scope="module")
def server() -> Iterator[DynamoDbServer]:
    with running_dynamodb_server() as server:
        yield server


@pytest.fixture
def both(stack: Stack, aws: None, server: DynamoDbServer) -> Iterator[list[Any]]:
    """A client of moto and a client of the model, each with a new, empty table."""
    clients = [client_of(stack.moto_url), client_of(server.url)]
    for client in clients:
        client.create_table(TableName=TABLE, **TABLE_OF_STORE)
    yield clients
    clients[1].delete_table(TableName=TABLE)


@pytest.fixture
def model(server: DynamoDbServer) -> Iterator[Any]:
    """A client of the model, with an empty table and counts of 0."""
    client = client_of(server.url)
    client.create_table(TableName=TABLE, **TABLE_OF_STORE)
    server.reset_calls()
    yield client
    server.clear_faults()
    client.delete_table(TableName=TABLE)


@cache
def client_of(url: str) -> Any:
    """Return a client without retries, so that a fault is visible."""
    return boto3.client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url=url,
        config=Config(retries={"total_max_attempts": 1}, proxies={}, read_timeout=1),
    )


def told(client: Any, call: Call) -> Any:
    """Return the parts of an answer that the store reads, or the code of the error."""
    action, given = call
    table = {} if action == "batch_write_item" else {"TableName": TABLE}
    try:
        answer = getattr(client, action)(**table | given)
    except ClientError as error:
        return error.response["Error"]["Code"]
    looked_at = (
        *("Item", "Items", "Count", "LastEvaluatedKey", "UnprocessedItems"),
        *("TimeToLiveDescription", "TimeToLiveSpecification"),
    )
    keys = {"KeySchema": answer["Table"]["KeySchema"]} if "Table" in answer else {}
    return keys | {name: answer[name] for name in looked_at if name in answer}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_the_model_answers_as_moto_does(both: list[Any], story: list[Call]) -> None:
    moto, model = ([told(client, call) for call in story] for client in both)

    assert model == moto


def test_the_model_ends_a_page_at_a_megabyte_as_moto_does(both: list[Any]) -> None:
    expected = [item(number, size=HUNDRED_KILOBYTES) for number in range(25)]
    for client in both:
        for one in expected:
            client.put_item(TableName=TABLE, Item=one)

        pages = [client.query(TableName=TABLE, **query()[1])["Items"]]
        while pages[-1] and sum(map(len, pages)) < len(expected):
            start = {name: pages[-1][-1][name] for name in (PARTITION, SORT)}
            pages.append(
                client.query(TableName=TABLE, **query(ExclusiveStartKey=start)[1])["Items"]
            )

        assert [one for page in pages for one in page] == expected
        assert len(pages) == 3


def test_the_model_refuses_a_batch_of_26_which_moto_accepts(model: Any) -> None:
    assert told(model, batch(*puts(*range(26)))) == "ValidationException"


@pytest.mark.parametrize(
    "call",
    [
        query(FilterExpression="a = b"),
        query(KeyConditionExpression="x = :y"),
        ("scan", {"FilterExpression": "a = b"}),
        ("delete_item", {"Key": key(1)}),
    ],
)
def test_the_model_refuses_requests_that_it_does_not_know(model: Any, call: Call) -> None:
    told(model, put(1, partition="p"))

    assert told(model, call) in ("ValidationException", "UnknownOperationException")


def test_calls_and_capacity_units_are_counted_as_dynamodb_bills_them(
    model: Any, server: DynamoDbServer
) -> None:
    for call in (
        put(1, size=1_500),
        put(1, size=10),
        ("put_item", {"Item": item(1), **CONDITION}),
        batch(*puts(2, 3), *deletes(1, 9)),
        ("get_item", {"Key": key(2)}),
        query(),
        put(4, size=9_000),
        query(),
    ):
        told(model, call)

    assert server.usage(table=TABLE) == {
        # 2 for 1.5 kB, 2 for replacing it by a smaller item, 1 for a condition that was not met,
        # and 9 for 9 kB.
        "PutItem": Usage(calls=4, failed=1, write_units=2 + 2 + 1 + 9),
        "BatchWriteItem": Usage(calls=1, write_units=4),
        "GetItem": Usage(calls=1, read_units=0.5),
        "Query": Usage(calls=2, read_units=1 + 3),
    }


def test_the_model_reports_writes_in_their_order_and_the_stored_items(
    model: Any, server: DynamoDbServer
) -> None:
    for call in (put(2), batch(*puts(3, 1)), batch(*deletes(3))):
        told(model, call)

    assert [write.sort for write in server.writes(table=TABLE)] == ["002", "003", "001"]
    assert server.count_writes(table=TABLE) == 3
    assert server.items(table=TABLE) == [item(1), item(2)]


def test_a_fault_hits_the_requested_share_of_calls(model: Any, server: DynamoDbServer) -> None:
    server.throttle(share=0.25, actions=["PutItem"])

    told_of = [told(model, put(number)) for number in range(100)]

    assert told_of.count("ProvisionedThroughputExceededException") in range(15, 36)
    stored = 100 - told_of.count("ProvisionedThroughputExceededException")
    assert len(server.items(table=TABLE)) == stored
    assert told(model, query())["Count"] == stored


def test_unprocessed_items_of_a_batch_can_be_sent_again(model: Any, server: DynamoDbServer) -> None:
    server.leave_unprocessed(share=0.5, count=1)
    left = told(model, batch(*puts(*range(20))))["UnprocessedItems"][TABLE]

    assert len(server.items(table=TABLE)) == 20 - len(left)
    assert told(model, batch(*left)) == {"UnprocessedItems": {}}
    assert server.items(table=TABLE) == [item(number) for number in range(20)]

    server.leave_unprocessed(share=1, count=1)
    assert told(model, batch(*puts(1, 2))) == "ProvisionedThroughputExceededException"


@pytest.mark.parametrize(
    ("fault", "is_done"),
    [
        (lambda server: server.drop(count=1), False),
        (lambda server: server.hang(seconds=0.1, count=1), False),
        (lambda server: server.fail(count=1), False),
        (lambda server: server.lose_answers(count=1), True),
    ],
    ids=["drop", "hang", "500", "lost answer"],
)
def test_a_failed_call_has_an_effect_only_if_its_answer_was_lost(
    model: Any, server: DynamoDbServer, fault: Callable[[DynamoDbServer], None], is_done: bool
) -> None:
    fault(server)
    with pytest.raises((ClientError, BotoCoreError)):
        model.put_item(TableName=TABLE, Item=item(1))

    assert server.items(table=TABLE) == [item(1)] * is_done
    assert told(model, put(1)) == {}


def test_a_delayed_call_is_answered_later_and_a_refused_connection_never(
    model: Any, server: DynamoDbServer
) -> None:
    server.delay(seconds=0.1, count=1)
    assert told(model, put(1)) == {}

    server.refuse_connections()
    with pytest.raises(BotoCoreError):
        model.put_item(TableName=TABLE, Item=item(2))

    server.clear_faults()
    assert told(model, put(2)) == {}
