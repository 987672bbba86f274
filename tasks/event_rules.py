"""What the transport must know of this service's events."""

from typing import Any

from apps.messages.event_types import goes_alone, is_barrier
from celery_sqs_fifo import EventRules
from observability.labels import labels_of


def is_event(document: Any) -> bool:
    """Return whether a document has an event type: no Celery message does."""
    return isinstance(document, dict) and "event_type" in document


RULES = EventRules(
    chain=(
        "tasks.pipeline.process_message",
        "tasks.pipeline.persist_dynamo",
        "tasks.pipeline.handle_csat",
    ),
    is_event=is_event,
    is_barrier=is_barrier,
    goes_alone=goes_alone,
    labels_of=labels_of,
)
