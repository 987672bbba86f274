"""Documented behaviours of DynamoDB, each tried on a new table.

A check returns whether the server does what AWS documents.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tests.chaos.service_servers import dynamodb_client
from tests.foreign.behaviours import Check, Checks, is_refused

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_API = "DynamoDB API Reference"
_QUOTAS = "DynamoDB Developer Guide, Quotas"
DYNAMODB_CHECKS = Checks()


def try_dynamodb(url: str) -> dict[Check, bool]:
    """Check each documented behaviour on a DynamoDB server, and return the results."""
    client = dynamodb_client(url)
    found = {}
    for check in DYNAMODB_CHECKS:
        with _new_table(client) as table:
            found[check] = check.try_on(table)
    return found


@dataclass(frozen=True, slots=True)
class Table:
    """A table with the same keys as the service's table."""

    client: "DynamoDBClient"
    name: str

    def put(self, sort_key: str, *, text: str = "", **options: Any) -> None:
        """Put an item into the only partition."""
        self.client.put_item(TableName=self.name, Item=_item(sort_key, text), **options)

    def write(self, *items: dict[str, Any]) -> None:
        """Put items with one BatchWriteItem."""
        requests: Any = [{"PutRequest": {"Item": item}} for item in items]
        self.client.batch_write_item(RequestItems={self.name: requests})

    def query(self) -> Any:
        """Return the first page of the partition."""
        return self.client.query(
            TableName=self.name,
            ConsistentRead=True,
            KeyConditionExpression="p = :p",
            ExpressionAttributeValues={":p": {"S": "p"}},
        )


@DYNAMODB_CHECKS.documented(
    "A conditional put of an existing item fails and changes nothing.",
    source=f"{_API}, PutItem, ConditionExpression",
)
def _writes_only_new_items(table: Table) -> bool:
    condition = "attribute_not_exists(s)"
    table.put("1", text="first", ConditionExpression=condition)
    fails = is_refused(
        lambda: table.put("1", text="second", ConditionExpression=condition),
        code="ConditionalCheckFailedException",
    )
    return fails and table.query()["Items"] == [_item("1", "first")]


@DYNAMODB_CHECKS.documented(
    "A page of a Query ends at 1 MB.",
    source=f"{_API}, Query",
)
def _bounds_pages(table: Table) -> bool:
    for number in range(12):
        table.put(f"{number:02d}", text="x" * 100_000)
    page = table.query()
    return "LastEvaluatedKey" in page and 9 <= len(page["Items"]) <= 11


@DYNAMODB_CHECKS.documented(
    "Items are in the order of the UTF-8 bytes of their sort keys.",
    source="DynamoDB Developer Guide, Query",
)
def _sorts_items(table: Table) -> bool:
    keys = ["2026-01-01T00:00:00.000002Z#é", "2026-01-01T00:00:00.000002Z#a", "2025#z"]
    for key in keys:
        table.put(key)
    found = [item["s"]["S"] for item in table.query()["Items"]]
    return found == sorted(keys, key=str.encode)


@DYNAMODB_CHECKS.documented(
    "An item has up to 400 KB.",
    source=_QUOTAS,
)
def _bounds_items(table: Table) -> bool:
    table.put("1", text="x" * 409_000)
    return is_refused(lambda: table.put("2", text="x" * 410_000), code="ValidationException")


@DYNAMODB_CHECKS.documented(
    "A sort key has up to 1,024 bytes.",
    source=_QUOTAS,
)
def _bounds_keys(table: Table) -> bool:
    table.put("k" * 1_024)
    return is_refused(lambda: table.put("k" * 1_025), code="ValidationException")


@DYNAMODB_CHECKS.documented(
    "BatchWriteItem takes up to 25 requests.",
    source=f"{_API}, BatchWriteItem",
)
def _bounds_batches(table: Table) -> bool:
    table.write(*(_item(f"{number}") for number in range(25)))
    too_many = [_item(f"{number}") for number in range(26)]
    return is_refused(lambda: table.write(*too_many), code="ValidationException")


@DYNAMODB_CHECKS.documented(
    "BatchWriteItem refuses two requests for one item.",
    source=f"{_API}, BatchWriteItem",
)
def _refuses_duplicates(table: Table) -> bool:
    return is_refused(lambda: table.write(_item("1"), _item("1")), code="ValidationException")


@DYNAMODB_CHECKS.documented(
    "UpdateTimeToLive enables the expiry of items.",
    source=f"{_API}, UpdateTimeToLive",
)
def _knows_expiry(table: Table) -> bool:
    table.client.update_time_to_live(
        TableName=table.name,
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
    )
    answer = table.client.describe_time_to_live(TableName=table.name)
    return answer["TimeToLiveDescription"]["TimeToLiveStatus"] in ("ENABLED", "ENABLING")


@contextmanager
def _new_table(client: "DynamoDBClient") -> Iterator[Table]:
    table = Table(client, f"t{uuid4().hex}")
    client.create_table(
        TableName=table.name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "p", "KeyType": "HASH"},
            {"AttributeName": "s", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "p", "AttributeType": "S"},
            {"AttributeName": "s", "AttributeType": "S"},
        ],
    )
    client.get_waiter("table_exists").wait(
        TableName=table.name, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    yield table
    client.delete_table(TableName=table.name)


def _item(sort_key: str, text: str = "") -> dict[str, Any]:
    return {"p": {"S": "p"}, "s": {"S": sort_key}, "text": {"S": text}}
