"""The number of messages on a queue, as SQS reports it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
