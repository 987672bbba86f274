"""Parses events for the service's own steps, which stock Celery and the bare loops call, too."""

from celery_sqs_fifo import BatchItem, Place, QueuedEvent
from tasks.steps import reading


def item_of(*, body: str, place: Place) -> BatchItem:
    """Return an event whose body has been parsed."""
    item = BatchItem(QueuedEvent(message_id="", group_id=place.group, place=place, body=body))
    reading.read(item)
    return item
