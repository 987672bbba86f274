"""Creating and configuring the AWS resources of this service."""

import json
from typing import TYPE_CHECKING, Any

from django.conf import settings

from apps.common import aws
from apps.messages import message_table

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MAX_RECEIVE_COUNT = 100


def ensure_queues() -> None:
    """Create the FIFO queue and its dead-letter queue, or set the attributes of existing ones.

    Both keep messages for 14 days, deduplicate within a message group, and have a throughput limit
    for each group. The worker decides which messages are dead. As a last resort, SQS moves a
    message to the dead-letter queue after MAX_RECEIVE_COUNT receives.
    """
    sqs = aws.sqs_client()
    dead_letters = _ensure_queue(sqs, settings.SQS_CONVERSATION_DLQ_URL, {})
    arn = sqs.get_queue_attributes(QueueUrl=dead_letters, AttributeNames=["QueueArn"])
    redrive = {
        "deadLetterTargetArn": arn["Attributes"]["QueueArn"],
        "maxReceiveCount": MAX_RECEIVE_COUNT,
    }
    _ensure_queue(sqs, settings.SQS_CONVERSATION_QUEUE_URL, {"RedrivePolicy": json.dumps(redrive)})


def ensure_table() -> None:
    """Create the DynamoDB table if it is missing, and enable its expiry."""
    dynamodb = aws.dynamodb_client()
    table = settings.DYNAMODB_MESSAGE_TABLE
    try:
        dynamodb.describe_table(TableName=table)
    except dynamodb.exceptions.ResourceNotFoundException:
        dynamodb.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": message_table.PARTITION_KEY, "KeyType": "HASH"},
                {"AttributeName": message_table.SORT_KEY, "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": message_table.PARTITION_KEY, "AttributeType": "S"},
                {"AttributeName": message_table.SORT_KEY, "AttributeType": "S"},
            ],
        )
        dynamodb.get_waiter("table_exists").wait(
            TableName=table, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
    expiry = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    if expiry["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
        dynamodb.update_time_to_live(
            TableName=table,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": message_table.EXPIRY},
        )


def _ensure_queue(sqs: "SQSClient", url: str, attributes: dict[str, str]) -> str:
    fixed = {"FifoQueue": "true"}
    changeable: Any = {
        "ContentBasedDeduplication": "false",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
        "MaximumMessageSize": str(aws.SQS_MAX_MESSAGE_BYTES),
        "MessageRetentionPeriod": str(aws.SQS_MAX_RETENTION_SECONDS),
        "VisibilityTimeout": str(settings.SQS_CONVERSATION_VISIBILITY_TIMEOUT),
        **attributes,
    }
    name = aws.queue_name(url)
    try:
        found = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        return sqs.create_queue(QueueName=name, Attributes=fixed | changeable)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=found, Attributes=changeable)
    return found
