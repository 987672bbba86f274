"""The service's own functions for one event, which the other subjects call, too."""

from apps.common.clock import now
from apps.messages.archiving import migrate
from celery_sqs_fifo import BatchItem, Place, QueuedEvent
from tasks.steps import attributing, reading, recording, storing


def item_of(*, body: str, place: Place) -> BatchItem:
    """Return an event whose body has been parsed."""
    item = BatchItem(QueuedEvent(message_id="", group_id=place.group, place=place, body=body))
    reading.read(item)
    return item


def process(item: BatchItem) -> None:
    """Process one event, with an SQL statement and a write to DynamoDB if it is a message."""
    attributing.attribute(item)
    storing.store_one(item)
    archive_closed(item)
    recording.record(item)


def archive_closed(item: BatchItem) -> None:
    """Archive the conversations that an event has closed. DynamoDB's items are left to expire."""
    for conversation_uuid in item.state.to_migrate:
        migrate(conversation_uuid=conversation_uuid, now=now())
