"""The DynamoDB table of the messages of conversations in progress."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.conf import settings

from apps.messages.message_table import EXPIRY as EXPIRY_ATTRIBUTE
from apps.messages.message_table import PARTITION_KEY, SORT_KEY
from operations.doctor.aws import Kind, Reply, Service, trouble
from operations.doctor.findings import Finding, error, ok, skipped, warning
from operations.doctor.permissions import Probe, check_permissions

TABLE, KEYS, EXPIRY = "dynamodb.table", "dynamodb.keys", "dynamodb.ttl"
NEW_TABLE = (
    "The keys of a table cannot be changed: set DYNAMODB_MESSAGE_TABLE to a name that is not "
    "taken, then run: python manage.py provision"
)
BAD_PARAMETERS = frozenset({"ConditionalCheckFailedException", "ValidationException"})
# No conversation has this uuid, and the sort key of a message begins with its time.
NO_KEY = {
    PARTITION_KEY: {"S": str(UUID(int=0))},
    SORT_KEY: {"S": "doctor"},
}


def check() -> Iterator[Finding]:
    """The table, its keys, its expiry, and the worker's permissions. No item is written."""
    service = Service("dynamodb", region=settings.DYNAMODB_REGION)
    probes = _probes(settings.DYNAMODB_MESSAGE_TABLE)
    reply = service.ask("describe_table", TableName=settings.DYNAMODB_MESSAGE_TABLE)
    yield _table(reply)
    if reply.ends_all:
        for name in (KEYS, EXPIRY, *(probe.check for probe in probes)):
            yield skipped(name, f"Not asked: see {TABLE}.")
        return
    yield _keys(reply)
    if reply.kind is Kind.MISSING:
        yield skipped(EXPIRY, f"Not asked: see {TABLE}.")
    else:
        yield _expiry(service)
    yield from check_permissions(service, probes)


def _table(reply: Reply) -> Finding:
    table = settings.DYNAMODB_MESSAGE_TABLE
    if reply.kind is Kind.MISSING:
        return error(
            TABLE,
            f"There is no table {table} in {settings.DYNAMODB_REGION}.",
            "Correct DYNAMODB_MESSAGE_TABLE or DYNAMODB_REGION, or run: python manage.py provision",
        )
    if reply.kind is Kind.NOT_ALLOWED:
        return _not_readable(TABLE, "dynamodb:DescribeTable")
    if reply.kind is not Kind.DONE:
        return _trouble(TABLE, reply)
    status = reply.content["Table"]["TableStatus"]
    if status not in ("ACTIVE", "UPDATING"):
        return error(TABLE, f"{table} is {status}.", "Wait until it is ACTIVE, and run this again.")
    return ok(TABLE, f"{table} is {status}.")


def _keys(reply: Reply) -> Finding:
    if reply.kind is not Kind.DONE:
        return skipped(KEYS, f"Not read: see {TABLE}.")
    table = reply.content["Table"]
    types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    found = {
        each["KeyType"]: (each["AttributeName"], types.get(each["AttributeName"]))
        for each in table["KeySchema"]
    }
    if found != {"HASH": (PARTITION_KEY, "S"), "RANGE": (SORT_KEY, "S")}:
        said = ", ".join(f"{name} ({kind} {type_})" for kind, (name, type_) in found.items())
        return error(
            KEYS,
            f"They are {said}, and must be {PARTITION_KEY} (HASH S), {SORT_KEY} (RANGE S).",
            NEW_TABLE,
        )
    return ok(KEYS, f"{PARTITION_KEY}, {SORT_KEY}.")


def _expiry(service: Service) -> Finding:
    reply = service.ask("describe_time_to_live", TableName=settings.DYNAMODB_MESSAGE_TABLE)
    if reply.kind is Kind.NOT_ALLOWED:
        return _not_readable(EXPIRY, "dynamodb:DescribeTimeToLive")
    if reply.kind is not Kind.DONE:
        return _trouble(EXPIRY, reply)
    expiry = reply.content["TimeToLiveDescription"]
    status, attribute = expiry["TimeToLiveStatus"], expiry.get("AttributeName", EXPIRY_ATTRIBUTE)
    if status == "DISABLING":
        return error(
            EXPIRY,
            "It is being switched off.",
            "DynamoDB takes up to an hour for that. Then run: python manage.py provision",
        )
    if status not in ("ENABLED", "ENABLING"):
        return error(
            EXPIRY,
            "It is off: messages that were left behind stay for ever.",
            "Unless PostgreSQL is down for long (runbook), run: python manage.py provision",
        )
    if attribute != EXPIRY_ATTRIBUTE:
        return error(
            EXPIRY,
            f"It goes by {attribute}, not by {EXPIRY_ATTRIBUTE}.",
            f"Run: aws dynamodb update-time-to-live --region {settings.DYNAMODB_REGION} "
            f"--table-name {settings.DYNAMODB_MESSAGE_TABLE} --time-to-live-specification "
            f"Enabled=false,AttributeName={attribute}; an hour later: python manage.py provision",
        )
    return ok(EXPIRY, f"{status}, by {attribute}.")


def _not_readable(check: str, permission: str) -> Finding:
    return warning(
        check,
        f"It cannot be seen: {permission} is not allowed. The worker does not need it.",
        "Run this also with the credentials that run manage.py provision.",
    )


def _trouble(check: str, reply: Reply) -> Finding:
    return trouble(
        check,
        reply,
        service="DynamoDB",
        settings="DYNAMODB_REGION and AWS_ENDPOINT_URL_DYNAMODB",
    )


def _probes(table: str) -> list[Probe]:
    """What a worker may do with the table.

    Reading asks for a key that is not there. PutItem has a condition that contradicts itself.
    BatchWriteItem takes no condition, so it deletes a key that cannot exist, which changes nothing.
    A table with other keys refuses all of them, and that shows the permission, too.
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
            check=f"dynamodb.may_{word}",
            permission=f"dynamodb:{permission}",
            resource=table,
            action=action,
            parameters=parameters,
            expected=BAD_PARAMETERS,
            is_harmless=True,
        )
        for word, permission, action, parameters in (
            ("get", "GetItem", "get_item", {"TableName": table, "Key": NO_KEY}),
            ("query", "Query", "query", query),
            ("put", "PutItem", "put_item", put),
            ("batch_write", "BatchWriteItem", "batch_write_item", batch),
        )
    ]
