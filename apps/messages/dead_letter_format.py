"""Conversion of dead letters between the SQS message and the row in PostgreSQL."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.common.lossless_json import escape, storable, unescape
from apps.messages.models import DeadLetter
from apps.messages.reading import describe_event
from apps.messages.wire import urn_of
from celery_sqs_fifo.place import PLACE, Place

# The message attributes that the worker adds to a dead letter. All others are the event's.
WORKER_ATTRIBUTES = frozenset({PLACE, "reason", "source_message_id", "receive_count", "error"})
REASON_MOVED_BY_SQS = "receive_count"
REASON_MISSING = "not_told"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def letter_of(message: Mapping[str, Any], *, now: datetime) -> DeadLetter:
    """Return a received message of the dead-letter queue as an unsaved dead letter.

    A message that SQS itself moved, after too many receives, has no attributes from the worker.
    Unless it was redriven before, the place of its event is lost, and its own place is used.
    """
    system, attributes = message["Attributes"], message.get("MessageAttributes") or {}
    texts = {name: value.get("StringValue", "") for name, value in attributes.items()}
    moved_by_sqs = "DeadLetterQueueSourceArn" in system
    from_worker = {} if moved_by_sqs else texts
    own = attributes.keys() - (WORKER_ATTRIBUTES if not moved_by_sqs else {PLACE})
    place = Place.of_message(_with_earliest_time(message))
    receive_count = _number(from_worker.get("receive_count", ""), digits=9)
    data = _data_of(message["Body"], {name: texts[name] for name in own if texts[name]})
    return DeadLetter(
        message_id=message["MessageId"],
        source_message_id=from_worker.get("source_message_id") or message["MessageId"],
        group_id=place.group,
        sequence_number=Decimal(place.sequence_number),
        queue_time=EPOCH + timedelta(milliseconds=place.queue_time),
        body=escape(message["Body"]),
        attributes={name: _attribute_as_json(attributes[name]) for name in sorted(own)},
        reason=escape(
            from_worker.get("reason") or (REASON_MOVED_BY_SQS if moved_by_sqs else REASON_MISSING)
        )[:100],
        error=escape(from_worker.get("error", "")),
        receive_count=receive_count or int(system["ApproximateReceiveCount"]),
        project_uuid=_uuid(data.get("project_uuid")),
        channel_uuid=_uuid(data.get("channel_uuid")),
        contact_urn=urn_of(data.get("contact_urn")),
        collected_at=now,
    )


def _with_earliest_time(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a message with the earliest time that SQS reports for it as its SentTimestamp.

    SQS resets SentTimestamp when it moves a message between FIFO queues, but the time of the first
    receive may be older ("Configuring a dead-letter queue redrive", SQS Developer Guide).
    """
    system = message["Attributes"]
    first_received = int(system.get("ApproximateFirstReceiveTimestamp", 0))
    sent = int(system["SentTimestamp"])
    earliest = str(min(sent, first_received or sent))
    return {**message, "Attributes": {**system, "SentTimestamp": earliest}}


def body_of(letter: DeadLetter) -> str:
    """Return the body as it was on the queue."""
    return unescape(letter.body)


def own_attributes(letter: DeadLetter) -> dict[str, dict[str, Any]]:
    """Return the event's own message attributes, in the form that SendMessage takes."""
    return {name: _attribute_from_json(value) for name, value in letter.attributes.items()}


def place_of(letter: DeadLetter) -> Place:
    """Return the place of the event on the queue."""
    milliseconds = (letter.queue_time - EPOCH) // timedelta(milliseconds=1)
    return Place(milliseconds, int(letter.sequence_number), letter.group_id)


def contact_of(letter: DeadLetter) -> tuple[UUID, str] | None:
    """Return the project and the contact that the body names, or None unless it names both."""
    if letter.project_uuid is None or not letter.contact_urn:
        return None
    return letter.project_uuid, letter.contact_urn


def _data_of(body: str, attributes: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the `data` of an event, as the worker reads it, or nothing if it has none."""
    document = storable(describe_event(body, attributes))
    data = document.get("data") if isinstance(document, dict) else None
    return data if isinstance(data, dict) else {}


def _uuid(value: Any) -> UUID | None:
    """Return the UUID that a value is the text of, or None. The nil UUID stands for none."""
    try:
        uuid = UUID(value)
    except (ValueError, TypeError, AttributeError):
        return None
    return uuid if uuid.int else None


def _number(text: str, *, digits: int) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None


def _attribute_as_json(attribute: Mapping[str, Any]) -> dict[str, str]:
    kept = {"DataType": escape(attribute["DataType"])}
    if "BinaryValue" in attribute:
        return kept | {"BinaryValue": base64.b64encode(attribute["BinaryValue"]).decode()}
    return kept | {"StringValue": escape(attribute["StringValue"])}


def _attribute_from_json(kept: Mapping[str, str]) -> dict[str, Any]:
    restored: dict[str, Any] = {"DataType": unescape(kept["DataType"])}
    if "BinaryValue" in kept:
        return restored | {"BinaryValue": base64.b64decode(kept["BinaryValue"])}
    return restored | {"StringValue": unescape(kept["StringValue"])}
