"""The first part of process_message: read the events."""

from apps.messages.reading import parse_event
from celery_sqs_fifo import BatchItem
from observability.metrics import counters
from tasks.steps.progress import Progress


def read(item: BatchItem) -> None:
    """Read an event from its message. Raise InvalidEvent."""
    queued = item.event
    event = parse_event(body=queued.body, attributes=queued.attributes, place=queued.place)
    if event.attribute_type:
        counters.count_type_mismatch(event)
    item.state = Progress(event=event)
