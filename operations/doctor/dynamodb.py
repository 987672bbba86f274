"""Checks the DynamoDB table for the messages of open conversations."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.conf import settings

from apps.messages.message_table import EXPIRY as EXPIRY_ATTRIBUTE
from apps.messages.message_table import PARTITION_KEY, SORT_KEY
from operations.doctor.aws import Reply, ReplyKind, Service, failure_finding
from operations.doctor.findings import Finding, error, ok, skipped, warning
from operations.doctor.permissions import Probe, check_permissions

TABLE, KEYS, EXPIRY = "dynamodb.table", "dynamodb.keys", "dynamodb.ttl"
NEW_TABLE = (
    "The keys of a table cannot be changed. Set DYNAMODB_MESSAGE_TABLE to an unused name, then "
    "run: python manage.py provision"
)
BAD_PARAMETERS = frozenset({"ConditionalCheckFailedException", "ValidationException"})
# No message has this key: no conversation has the nil UUID, and a sort key begins with a time.
NO_KEY = {
    PARTITION_KEY: {"S": str(UUID(int=0))},
    SORT_KEY: {"S": "doctor"},
}


def check() -> Iterator[Finding]:
    """Yield findings about the table, its keys and expiry, and permissions. No item is written."""
    service = Service("dynamodb", region=settings.DYNAMODB_REGION)
    probes = _probes(settings.DYNAMODB_MESSAGE_TABLE)
    reply = service.call("describe_table", TableName=settings.DYNAMODB_MESSAGE_TABLE)
    yield _table(reply)
    if reply.fails_every_call:
        for name in (KEYS, EXPIRY, *(probe.check for probe in probes)):
            yield skipped(name, f"Not checked: see {TABLE}.")
        return
    yield _keys(reply)
    if reply.kind is ReplyKind.MISSING:
        yield skipped(EXPIRY, f"Not checked: see {TABLE}.")
    else:
        yield _expiry(service)
    yield from check_permissions(service, probes)


def _table(reply: Reply) -> Finding:
    table = settings.DYNAMODB_MESSAGE_TABLE
    if reply.kind is ReplyKind.MISSING:
        return error(
            TABLE,
            f"There is no table {table} in {settings.DYNAMODB_REGION}.",
            "Correct DYNAMODB_MESSAGE_TABLE or DYNAMODB_REGION, or run: python manage.py provision",
        )
    if reply.kind is ReplyKind.NOT_ALLOWED:
        return _not_readable(TABLE, "dynamodb:DescribeTable")
    if reply.kind is not ReplyKind.DONE:
        return _failure_finding(TABLE, reply)
    status = reply.content["Table"]["TableStatus"]
    if status not in ("ACTIVE", "UPDATING"):
        return error(TABLE, f"{table} is {status}.", "Wait until it is ACTIVE, and run this again.")
    return ok(TABLE, f"{table} is {status}.")


def _keys(reply: Reply) -> Finding:
    if reply.kind is not ReplyKind.DONE:
        return skipped(KEYS, f"Not checked: see {TABLE}.")
    table = reply.content["Table"]
    types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    found = {
        each["KeyType"]: (each["AttributeName"], types.get(each["AttributeName"]))
        for each in table["KeySchema"]
    }
    if found != {"HASH": (PARTITION_KEY, "S"), "RANGE": (SORT_KEY, "S")}:
        actual = ", ".join(f"{name} ({kind} {type_})" for kind, (name, type_) in found.items())
        return error(
            KEYS,
            f"The keys are {actual}, and must be {PARTITION_KEY} (HASH S), {SORT_KEY} (RANGE S).",
            NEW_TABLE,
        )
    return ok(KEYS, f"The keys are {PARTITION_KEY} and {SORT_KEY}.")


def _expiry(service: Service) -> Finding:
    reply = service.call("describe_time_to_live", TableName=settings.DYNAMODB_MESSAGE_TABLE)
    if reply.kind is ReplyKind.NOT_ALLOWED:
        return _not_readable(EXPIRY, "dynamodb:DescribeTimeToLive")
    if reply.kind is not ReplyKind.DONE:
        return _failure_finding(EXPIRY, reply)
    expiry = reply.content["TimeToLiveDescription"]
    status, attribute = expiry["TimeToLiveStatus"], expiry.get("AttributeName", EXPIRY_ATTRIBUTE)
    if status == "DISABLING":
        return error(
            EXPIRY,
            "The table's expiry is being disabled.",
            "DynamoDB needs up to an hour to disable it. Then run: python manage.py provision",
        )
    if status not in ("ENABLED", "ENABLING"):
        return error(
            EXPIRY,
            "The table's expiry is off: archived messages are never deleted.",
            "Unless it is off because of a long outage of PostgreSQL (see the runbook), run: "
            "python manage.py provision",
        )
    if attribute != EXPIRY_ATTRIBUTE:
        return error(
            EXPIRY,
            f"The expiry uses the attribute {attribute}, not {EXPIRY_ATTRIBUTE}.",
            f"Run: aws dynamodb update-time-to-live --region {settings.DYNAMODB_REGION} "
            f"--table-name {settings.DYNAMODB_MESSAGE_TABLE} --time-to-live-specification "
            f"Enabled=false,AttributeName={attribute}; an hour later: python manage.py provision",
        )
    return ok(EXPIRY, f"The expiry is {status} with the attribute {attribute}.")


def _not_readable(check: str, permission: str) -> Finding:
    return warning(
        check,
        f"It cannot be read, because {permission} is not allowed. The worker does not need it.",
        "Run this with the credentials for manage.py provision, too.",
    )


def _failure_finding(check: str, reply: Reply) -> Finding:
    return failure_finding(
        check,
        reply,
        service="DynamoDB",
        settings="DYNAMODB_REGION and AWS_ENDPOINT_URL_DYNAMODB",
    )


def _probes(table: str) -> list[Probe]:
    """Return calls that check what a worker may do with the table, and change nothing.

    GetItem and Query read a key that does not exist. PutItem has a condition that is never true.
    BatchWriteItem supports no conditions, so it deletes a key that does not exist. A table with
    other keys refuses all these calls as invalid, which also shows that they are allowed.
    """
    never = f"attribute_exists({SORT_KEY}) AND attribute_not_exists({SORT_KEY})"
    query: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": f"{PARTITION_KEY} = :none",
        "ExpressionAttributeValues": {":none": NO_KEY[PARTITION_KEY]},
        "Limit": 1,
    }
    put = {"TableName": table, "Item": NO_KEY, "ConditionExpression": never}
    batch = {"RequestItems": {table: [{"DeleteRequest": {"Key": NO_KEY}}]}}
    return [
        Probe(
            check=f"dynamodb.may_{suffix}",
            permission=f"dynamodb:{permission}",
            resource=table,
            action=action,
            parameters=parameters,
            expected=BAD_PARAMETERS,
        )
        for suffix, permission, action, parameters in (
            ("get", "GetItem", "get_item", {"TableName": table, "Key": NO_KEY}),
            ("query", "Query", "query", query),
            ("put", "PutItem", "put_item", put),
            ("batch_write", "BatchWriteItem", "batch_write_item", batch),
        )
    ]
