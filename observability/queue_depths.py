"""How many messages are on a queue, as SQS says."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """The approximate numbers of a queue's messages: those that wait, and those in flight."""

    waiting: int
    in_flight: int


def read_depth(sqs: "SQSClient", url: str) -> Depth:
    """Return the depth of a queue. Raise botocore's errors.

    The numbers settle within a minute (GetQueueAttributes, "ApproximateNumberOfMessages").
    """
    attributes = sqs.get_queue_attributes(
        QueueUrl=url,
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    return Depth(
        waiting=int(attributes["ApproximateNumberOfMessages"]),
        in_flight=int(attributes["ApproximateNumberOfMessagesNotVisible"]),
    )
