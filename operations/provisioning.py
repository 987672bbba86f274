"""Creating and configuring the AWS resources of this service.

Only what differs is changed. The functions pass a sentence about each change to `report`, and raise
Refused, with a sentence, for what cannot be changed.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings

from apps.common import aws
from apps.messages import message_table
from operations.aws_refusals import Refused, explaining_refusals

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import CreateTableInputTypeDef
    from mypy_boto3_sqs import SQSClient

MAX_RECEIVE_COUNT = 100
Report = Callable[[str], object]
KEYS = {"HASH": message_table.PARTITION_KEY, "RANGE": message_table.SORT_KEY}


def ignore(_change: str) -> None:
    """Report nothing."""


def ensure_queues(*, report: Report = ignore) -> None:
    """Create the FIFO queue and its dead-letter queue, or set the attributes that differ.

    Both keep messages for 14 days, deduplicate within a message group, and have a throughput limit
    for each group. The worker decides which messages are dead. As a last resort, SQS moves a
    message to the dead-letter queue after MAX_RECEIVE_COUNT receives.
    """
    sqs = aws.sqs_client()
    letters_url = _ensure_queue(sqs, settings.SQS_CONVERSATION_DLQ_URL, {}, report=report)
    with explaining_refusals(service="sqs", resource=aws.queue_name(letters_url)):
        arn = sqs.get_queue_attributes(QueueUrl=letters_url, AttributeNames=["QueueArn"])
    policy = redrive_policy(arn["Attributes"]["QueueArn"])
    _ensure_queue(sqs, settings.SQS_CONVERSATION_QUEUE_URL, policy, report=report)


def ensure_table(*, report: Report = ignore) -> None:
    """Create the DynamoDB table if it is missing, and enable its expiry if it is off."""
    dynamodb = aws.dynamodb_client()
    table = settings.DYNAMODB_MESSAGE_TABLE
    with explaining_refusals(service="dynamodb", resource=table):
        if not table_exists(dynamodb, table):
            _create_table(dynamodb, table)
            report(f"{table}: created.")
        if not expiry_is_on(dynamodb, table):
            dynamodb.update_time_to_live(
                TableName=table,
                TimeToLiveSpecification={"Enabled": True, "AttributeName": message_table.EXPIRY},
            )
            report(
                f"{table}: its expiry was off, and is now on with the attribute "
                f"{message_table.EXPIRY}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundQueue:
    """A queue that exists: its URL and all its attributes."""

    url: str
    attributes: Mapping[str, str]

    def different(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """Return the wanted attributes whose values differ."""
        return {
            name: value
            for name, value in wanted.items()
            if _comparable(self.attributes.get(name)) != _comparable(value)
        }


def find_queue(sqs: "SQSClient", name: str) -> FoundQueue | None:
    """Return the queue, or None if there is none. Raise Refused if it is a standard queue."""
    try:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        return None
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    if attributes.get("FifoQueue") != "true":
        raise Refused(
            f"{name} is a standard queue, which keeps no order and cannot become a FIFO queue. "
            "Set its URL to that of a new queue whose name ends in .fifo."
        )
    return FoundQueue(url=url, attributes=cast("Mapping[str, str]", attributes))


def wanted_attributes() -> dict[str, str]:
    """Return the attributes of both queues, besides the redrive policy of the events' queue."""
    return {
        "ContentBasedDeduplication": "false",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
        "MaximumMessageSize": str(aws.SQS_MAX_MESSAGE_BYTES),
        "MessageRetentionPeriod": str(aws.SQS_MAX_RETENTION_SECONDS),
        "VisibilityTimeout": str(settings.SQS_CONVERSATION_VISIBILITY_TIMEOUT),
    }


def redrive_policy(dead_letter_arn: str) -> dict[str, str]:
    """Return the redrive policy of the events' queue, as an attribute."""
    policy = {"deadLetterTargetArn": dead_letter_arn, "maxReceiveCount": MAX_RECEIVE_COUNT}
    return {"RedrivePolicy": json.dumps(policy)}


def table_exists(dynamodb: "DynamoDBClient", table: str) -> bool:
    """Return whether there is such a table. Raise Refused if it has other keys."""
    try:
        found = dynamodb.describe_table(TableName=table)["Table"]
    except dynamodb.exceptions.ResourceNotFoundException:
        return False
    keys = {key["KeyType"]: key["AttributeName"] for key in found["KeySchema"]}
    if keys != KEYS:
        raise Refused(
            f"{table} has the keys {', '.join(keys.values())}, not {', '.join(KEYS.values())}. The "
            "keys of a table cannot be changed: set DYNAMODB_MESSAGE_TABLE to an unused name."
        )
    return True


def expiry_is_on(dynamodb: "DynamoDBClient", table: str) -> bool:
    """Return whether items expire. Raise Refused if that cannot be switched on now."""
    expiry = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    status, attribute = expiry["TimeToLiveStatus"], expiry.get("AttributeName")
    if status == "DISABLING":
        raise Refused(
            f"The expiry of {table} is being switched off, which takes up to an hour. Run this "
            "again then."
        )
    if status not in ("ENABLED", "ENABLING"):
        return False
    if attribute != message_table.EXPIRY:
        raise Refused(
            f"The expiry of {table} uses the attribute {attribute}, not "
            f"{message_table.EXPIRY}. `python manage.py doctor` shows how to switch it off "
            "(dynamodb.ttl); run this again an hour later."
        )
    return True


def _ensure_queue(
    sqs: "SQSClient", url: str, attributes: Mapping[str, str], *, report: Report
) -> str:
    """Create a queue or change its attributes, and return its URL."""
    name = aws.queue_name(url)
    wanted: Any = {**wanted_attributes(), **attributes}
    with explaining_refusals(service="sqs", resource=name):
        found = find_queue(sqs, name)
        if found is None:
            created = sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true", **wanted})
            report(f"{name}: created.")
            return created["QueueUrl"]
        different: Any = found.different(wanted)
        if different:
            sqs.set_queue_attributes(QueueUrl=found.url, Attributes=different)
    for attribute, value in different.items():
        before = found.attributes.get(attribute, "not set")
        report(f"{name}: {attribute} was {before}, and is now {value}.")
    return found.url


def _comparable(value: str | None) -> Any:
    """Return a redrive policy as a dict of strings, because its JSON has several forms."""
    if value and value.startswith("{"):
        return {key: str(part) for key, part in json.loads(value).items()}
    return value


def table_definition(table: str) -> "CreateTableInputTypeDef":
    """Return the request to CreateTable for the table of the message store."""
    return {
        "TableName": table,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [
            {"AttributeName": KEYS["HASH"], "KeyType": "HASH"},
            {"AttributeName": KEYS["RANGE"], "KeyType": "RANGE"},
        ],
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": "S"} for name in KEYS.values()
        ],
    }


def _create_table(dynamodb: "DynamoDBClient", table: str) -> None:
    dynamodb.create_table(**table_definition(table))
    dynamodb.get_waiter("table_exists").wait(
        TableName=table, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
