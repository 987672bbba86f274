"""The benchmarks' model of DynamoDB answers as moto does, and refuses what DynamoDB refuses."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from embedded.stack import Stack
from tests.support.fake_dynamodb import LARGEST_ITEM, PARTITION, SORT, running_fake_dynamodb

TABLE = "compared"
HUNDRED_KILOBYTES = 100_000
Call = tuple[str, dict[str, Any]]


def item(number: int, *, size: int = 10, partition: str = "p") -> dict[str, Any]:
    """An item with a text of so many characters."""
    return {**key(number, partition=partition), "entry": {"S": f"{number}".ljust(size, "x")}}


def key(number: int, *, partition: str = "p") -> dict[str, Any]:
    return {PARTITION: {"S": partition}, SORT: {"S": f"{number:03d}"}}


def put(number: int, **fields: Any) -> Call:
    return "put_item", {"Item": item(number, **fields)}


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


CONDITION = {"ConditionExpression": f"attribute_not_exists({SORT})"}
STORIES: dict[str, list[Call]] = {
    "a put": [put(2), put(1), put(3, partition="another"), query()],
    "a put again": [put(1), put(1, size=50), query()],
    "a put if it is not there": [
        ("put_item", {"Item": item(1), **CONDITION}),
        ("put_item", {"Item": item(1, size=50), **CONDITION}),
        query(),
    ],
    "an item that is too large": [put(1, size=LARGEST_ITEM), query()],
    "binary": [("put_item", {"Item": {**key(1), "chunk": {"B": b"\x00\xff"}}}), query()],
    "a get": [
        put(1),
        ("get_item", {"Key": key(1), "ConsistentRead": True}),
        ("get_item", {"Key": key(1), "ProjectionExpression": SORT}),
        ("get_item", {"Key": key(2)}),
    ],
    "a batch": [batch(*puts(3, 1, 2)), batch(*deletes(1, 9), *puts(4)), query()],
    "a batch of 25": [batch(*puts(*range(25))), query()],
    "a key that is twice in a batch": [batch(*puts(1, 1)), query()],
    "the newest": [
        batch(*puts(1, 2, 3)),
        query(ScanIndexForward=False, Limit=1, ProjectionExpression=SORT),
    ],
    "what follows a key": [
        batch(*puts(1, 2, 3)),
        query(ExclusiveStartKey=key(1)),
        query(ExclusiveStartKey=key(3), ScanIndexForward=False),
    ],
    "a table that is not there": [("get_item", {"Key": key(1), "TableName": "no_such"})],
}


@pytest.fixture
def both(stack: Stack, aws: None) -> Iterator[list[Any]]:
    """A client of moto and one of the model, each with an empty table."""
    with running_fake_dynamodb() as address:
        clients = [
            boto3.client("dynamodb", region_name="us-east-1", endpoint_url=url)
            for url in (stack.aws_endpoint_url, address)
        ]
        for client in clients:
            client.create_table(
                TableName=TABLE,
                BillingMode="PAY_PER_REQUEST",
                KeySchema=[
                    {"AttributeName": PARTITION, "KeyType": "HASH"},
                    {"AttributeName": SORT, "KeyType": "RANGE"},
                ],
                AttributeDefinitions=[
                    {"AttributeName": name, "AttributeType": "S"} for name in (PARTITION, SORT)
                ],
            )
        yield clients
        for client in clients:
            client.close()


def told(client: Any, call: Call) -> Any:
    """What it answers, as far as the store looks at it, or the code of its error."""
    action, given = call
    table = {} if action == "batch_write_item" else {"TableName": TABLE}
    try:
        answer = getattr(client, action)(**table | given)
    except ClientError as error:
        return error.response["Error"]["Code"]
    looked_at = ("Item", "Items", "LastEvaluatedKey", "UnprocessedItems")
    return {name: answer[name] for name in looked_at if name in answer}


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


def test_the_model_refuses_a_batch_of_26_which_moto_takes(both: list[Any]) -> None:
    assert told(both[1], batch(*puts(*range(26)))) == "ValidationException"


@pytest.mark.parametrize(
    "call", [query(FilterExpression="a = b"), ("scan", {}), query(KeyConditionExpression="x = :y")]
)
def test_the_model_refuses_what_it_does_not_know(both: list[Any], call: Call) -> None:
    assert told(both[1], call) in ("ValidationException", "UnknownOperationException")
