"""The first part of process_message: parse the body of an event."""

from datetime import UTC, datetime

from apps.messages.events import Arrival
from apps.messages.reading import parse_event
from celery_sqs_fifo import BatchItem, QueuedEvent
from tasks.steps.progress import Progress


def read(item: BatchItem) -> None:
    """Parse the body of an event. Raise InvalidEvent."""
    event = parse_event(body=item.event.body, arrival=_arrival(item.event))
    item.state = Progress(event=event)


def _arrival(event: QueuedEvent) -> Arrival:
    return Arrival(
        group_id=event.group_id,
        sent_at=datetime.fromtimestamp(event.sent_at / 1000, UTC),
        sequence_number=event.sequence_number,
    )
