"""The number of messages on a queue, as SQS reports it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from apps.common.aws import queue_name

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """The approximate numbers of messages on a queue that wait and that are in flight."""

    waiting: int
    in_flight: int


def read_depth(sqs: "SQSClient", url: str) -> Depth:
    """Return the depth of a queue. Raise botocore's errors.

    The numbers are exact about a minute after the last change (GetQueueAttributes,
    "ApproximateNumberOfMessages").
    """
    attributes = sqs.get_queue_attributes(
        QueueUrl=url,
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    return Depth(
        waiting=int(attributes["ApproximateNumberOfMessages"]),
        in_flight=int(attributes["ApproximateNumberOfMessagesNotVisible"]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatus:
    """A queue and its depth, or the error code if the depth could not be read."""

    queue: str
    depth: Depth | None
    error: str = ""


def read_status(sqs: "Callable[[], SQSClient]", url: str) -> QueueStatus:
    """Return the status of a queue. An error of botocore is part of it."""
    queue = queue_name(url)
    try:
        return QueueStatus(queue=queue, depth=read_depth(sqs(), url))
    except ClientError as error:
        return QueueStatus(queue=queue, depth=None, error=error.response["Error"]["Code"])
    except BotoCoreError as error:
        return QueueStatus(queue=queue, depth=None, error=type(error).__name__)
