"""How much is on the queues, as SQS says."""

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from django.conf import settings

from observability.metrics.gauge import Gauge, Reading

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

VISIBLE = Gauge(
    name="conversations_queue_visible_messages",
    meaning="Messages on the queue that nobody has received yet, about.",
    labels=("queue",),
)
IN_FLIGHT = Gauge(
    name="conversations_queue_in_flight_messages",
    meaning="Messages that a worker, or whoever collects dead letters, has received, about.",
    labels=("queue",),
)
QUEUES = (VISIBLE, IN_FLIGHT)


def read_queues() -> Reading:
    """Both queues, under the labels `events` and `dead_letters`. Raises botocore's errors.

    SQS's numbers settle within a minute (GetQueueAttributes, "ApproximateNumberOfMessages").
    """
    urls = {
        "events": settings.SQS_CONVERSATION_QUEUE_URL,
        "dead_letters": settings.SQS_CONVERSATION_DLQ_URL,
    }
    visible: dict[tuple[str, ...], float] = {}
    in_flight: dict[tuple[str, ...], float] = {}
    for queue, url in urls.items():
        attributes = _client().get_queue_attributes(
            QueueUrl=url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        visible[(queue,)] = float(attributes["ApproximateNumberOfMessages"])
        in_flight[(queue,)] = float(attributes["ApproximateNumberOfMessagesNotVisible"])
    return {VISIBLE.name: visible, IN_FLIGHT.name: in_flight}


@cache
def _client() -> "SQSClient":
    """Only the thread that reads uses it, in the worker's main process."""
    return boto3.client(
        "sqs",
        region_name=settings.SQS_CONVERSATION_REGION,
        config=Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 1}),
    )
