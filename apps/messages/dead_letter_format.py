"""Conversion of dead letters between the SQS message and the row in PostgreSQL."""

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.common.lossless_json import escape, parse, unescape
from apps.messages.models import DeadLetter

# The message attributes that the worker adds to a dead letter. All others are the event's.
WORKER_ATTRIBUTES = frozenset(
    {"reason", "source_message_id", "first_sent_at", "group_id", "receive_count", "error"}
)
REASON_MOVED_BY_SQS = "receive_count"
REASON_MISSING = "not_told"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The MessageGroupIds that SQS accepts (SendMessage, SQS API Reference).
GROUP_ID = re.compile(r"[!-~]{1,128}")


def letter_of(message: Mapping[str, Any], *, now: datetime) -> DeadLetter:
    """Return a received message of the dead-letter queue as an unsaved dead letter.

    A message that SQS itself moved, after too many receives, has no attributes from the worker.
    """
    system, attributes = message["Attributes"], message.get("MessageAttributes") or {}
    texts = {name: value.get("StringValue", "") for name, value in attributes.items()}
    moved_by_sqs = "DeadLetterQueueSourceArn" in system
    from_worker = {} if moved_by_sqs else texts
    own = attributes.keys() - (WORKER_ATTRIBUTES if not moved_by_sqs else {"first_sent_at"})
    first_sent_at = _number(texts.get("first_sent_at", ""), digits=13)
    receive_count = _number(from_worker.get("receive_count", ""), digits=9)
    data = _data_of(message["Body"])
    return DeadLetter(
        message_id=message["MessageId"],
        source_message_id=from_worker.get("source_message_id") or message["MessageId"],
        group_id=_group_of(system, from_worker),
        sequence_number=Decimal(system["SequenceNumber"]),
        body=escape(message["Body"]),
        attributes={name: _attribute_as_json(attributes[name]) for name in sorted(own)},
        reason=escape(
            from_worker.get("reason") or (REASON_MOVED_BY_SQS if moved_by_sqs else REASON_MISSING)
        )[:100],
        error=escape(from_worker.get("error", "")),
        first_sent_at=EPOCH + timedelta(milliseconds=first_sent_at or _earliest_time(system)),
        receive_count=receive_count or int(system["ApproximateReceiveCount"]),
        project_uuid=_uuid(data.get("project_uuid")),
        channel_uuid=_uuid(data.get("channel_uuid")),
        contact_urn=_text(data.get("contact_urn")),
        collected_at=now,
    )


def _earliest_time(system: Mapping[str, str]) -> int:
    """Return the earliest time that SQS reports for a message, in milliseconds since 1970.

    SQS resets SentTimestamp when it moves a message between FIFO queues, but the time of the first
    receive may be older ("Configuring a dead-letter queue redrive", SQS Developer Guide).
    """
    first_received = int(system.get("ApproximateFirstReceiveTimestamp", 0))
    sent = int(system["SentTimestamp"])
    return min(sent, first_received or sent)


def body_of(letter: DeadLetter) -> str:
    """Return the body as it was on the queue."""
    return unescape(letter.body)


def own_attributes(letter: DeadLetter) -> dict[str, dict[str, Any]]:
    """Return the event's own message attributes, in the form that SendMessage takes."""
    return {name: _attribute_from_json(value) for name, value in letter.attributes.items()}


def first_sent_milliseconds(letter: DeadLetter) -> int:
    """Return when the event was first queued, in milliseconds since 1970."""
    return (letter.first_sent_at - EPOCH) // timedelta(milliseconds=1)


def contact_of(letter: DeadLetter) -> tuple[UUID, str] | None:
    """Return the project and the contact that the body names, or None unless it names both."""
    if letter.project_uuid is None or not letter.contact_urn:
        return None
    return letter.project_uuid, letter.contact_urn


def _group_of(system: Mapping[str, str], from_worker: Mapping[str, str]) -> str:
    """Return the event's group from the worker's attribute, or else the letter's own group.

    They differ if somebody moved the letter by hand.
    """
    group_id = from_worker.get("group_id", "")
    return group_id if GROUP_ID.fullmatch(group_id) else system["MessageGroupId"]


def _data_of(body: str) -> Mapping[str, Any]:
    try:
        data = parse(body)["data"]
    except (ValueError, TypeError, LookupError):
        return {}
    return data if isinstance(data, dict) else {}


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(value)
    except (ValueError, TypeError, AttributeError):
        return None


def _text(value: Any) -> str:
    return "" if value is None else str(value)


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
