"""Gauges that are read from SQS."""

from django.conf import settings

from apps.common import aws
from observability.metrics.definitions import QUEUE_IN_FLIGHT, QUEUE_VISIBLE, Reading
from observability.queue_depths import read_depth


def read_queues() -> Reading:
    """Return the values of both queues, labelled `events` and `dead_letters`.

    Raise botocore's errors.
    """
    urls = {
        "events": settings.SQS_CONVERSATION_QUEUE_URL,
        "dead_letters": settings.SQS_CONVERSATION_DLQ_URL,
    }
    sqs = aws.sqs_client(options=aws.METRICS)
    depths = {queue: read_depth(sqs, url) for queue, url in urls.items()}
    return {
        QUEUE_VISIBLE.name: {(queue,): float(depth.waiting) for queue, depth in depths.items()},
        QUEUE_IN_FLIGHT.name: {(queue,): float(depth.in_flight) for queue, depth in depths.items()},
    }
