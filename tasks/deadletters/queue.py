"""The calls to SQS that collecting and redriving dead letters need."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings

from apps.common.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# The most that SQS takes and gives with one call.
BATCH = 10
# Seconds until what was received and not deleted can be received again.
VISIBILITY_TIMEOUT = 60


def receive() -> Sequence[Mapping[str, Any]]:
    """Up to ten dead letters, with all that SQS tells of them. Raises Unavailable."""
    with _sqs_may_be_unavailable():
        answer = _client(os.getpid()).receive_message(
            QueueUrl=settings.SQS_CONVERSATION_DLQ_URL,
            MaxNumberOfMessages=BATCH,
            WaitTimeSeconds=1,
            VisibilityTimeout=VISIBILITY_TIMEOUT,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
    return answer.get("Messages", [])


def delete(messages: Sequence[Mapping[str, Any]]) -> int:
    """Delete up to ten dead letters; gives how many SQS refused to. Raises Unavailable."""
    with _sqs_may_be_unavailable():
        answer = _client(os.getpid()).delete_message_batch(
            QueueUrl=settings.SQS_CONVERSATION_DLQ_URL,
            Entries=[
                {"Id": str(place), "ReceiptHandle": message["ReceiptHandle"]}
                for place, message in enumerate(messages)
            ],
        )
    return len(answer.get("Failed", ()))


def send_to_events(messages: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """Send up to ten messages, in SendMessage's form, to the events' queue.

    Gives the places of those that SQS refused, and its codes. Raises Unavailable.
    """
    entries: Any = [{"Id": str(place), **message} for place, message in enumerate(messages)]
    with _sqs_may_be_unavailable():
        answer = _client(os.getpid()).send_message_batch(
            QueueUrl=settings.SQS_CONVERSATION_QUEUE_URL,
            Entries=entries,
        )
    return {int(failed["Id"]): failed["Code"] for failed in answer.get("Failed", ())}


@cache
def _client(_process_id: int) -> "SQSClient":
    """One client for each process: a fork must not share it."""
    return boto3.client(
        "sqs",
        region_name=settings.SQS_CONVERSATION_REGION,
        config=Config(
            connect_timeout=2,
            read_timeout=5,
            retries={"mode": "standard", "total_max_attempts": 3},
        ),
    )


@contextmanager
def _sqs_may_be_unavailable() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise Unavailable("SQS", str(error.response["Error"]["Code"])) from error
    except BotoCoreError as error:
        raise Unavailable("SQS", type(error).__name__) from error
