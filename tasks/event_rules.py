"""The rules about this service's events that the transport needs."""

from typing import Any

from apps.messages.dead_letter_reasons import OF_WORKERS
from apps.messages.event_types import goes_alone, is_barrier, kind_of
from apps.messages.reading import attribute_names, decode_event
from celery_sqs_fifo import EventRules
from observability.log_fields import message_fields


def is_event(document: Any) -> bool:
    """Return whether a document has an event type, which no Celery message has."""
    return isinstance(document, dict) and "event_type" in document


RULES = EventRules(
    chain=(
        "tasks.pipeline.process_message",
        "tasks.pipeline.persist_dynamo",
        "tasks.pipeline.handle_csat",
    ),
    parse=decode_event,
    attributes=attribute_names(),
    is_event=is_event,
    is_barrier=is_barrier,
    goes_alone=goes_alone,
    kind_of=kind_of,
    labels_of=message_fields,
    # A change of a project's settings locks a row that all events of the project need.
    scope_label="project_uuid",
    reasons=OF_WORKERS,
)
