"""A dead letter as SQS delivers it and as PostgreSQL keeps it."""

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.common.lossless_json import escape, parse, unescape
from apps.messages.models import DeadLetter

# What the worker tells of a dead letter in attributes of its own; the others are the event's.
TOLD = frozenset(
    {"reason", "source_message_id", "first_sent_at", "group_id", "receive_count", "error"}
)
MOVED_BY_SQS = "receive_count"
NOT_NOTED = "not_told"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What SQS takes as a MessageGroupId (SendMessage).
GROUP_ID = re.compile(r"[!-~]{1,128}")


def letter_of(message: Mapping[str, Any], *, now: datetime) -> DeadLetter:
    """Return a received message of the dead-letter queue as a dead letter, which is not saved.

    What SQS itself moved, after too many receipts, has no attributes of the worker's.
    """
    system, attributes = message["Attributes"], message.get("MessageAttributes") or {}
    texts = {name: value.get("StringValue", "") for name, value in attributes.items()}
    moved_by_sqs = "DeadLetterQueueSourceArn" in system
    told = {} if moved_by_sqs else texts
    own = attributes.keys() - (TOLD if not moved_by_sqs else {"first_sent_at"})
    first_sent_at = _number(texts.get("first_sent_at", ""), digits=13)
    receive_count = _number(told.get("receive_count", ""), digits=9)
    named = _named_in(message["Body"])
    return DeadLetter(
        message_id=message["MessageId"],
        source_message_id=told.get("source_message_id") or message["MessageId"],
        group_id=_group_of(system, told),
        sequence_number=Decimal(system["SequenceNumber"]),
        body=escape(message["Body"]),
        attributes={name: _kept(attributes[name]) for name in sorted(own)},
        reason=escape(told.get("reason") or (MOVED_BY_SQS if moved_by_sqs else NOT_NOTED))[:100],
        error=escape(told.get("error", "")),
        first_sent_at=EPOCH + timedelta(milliseconds=first_sent_at or _earliest_time(system)),
        receive_count=receive_count or int(system["ApproximateReceiveCount"]),
        project_uuid=_uuid(named.get("project_uuid")),
        channel_uuid=_uuid(named.get("channel_uuid")),
        contact_urn=_text(named.get("contact_urn")),
        collected_at=now,
    )


def _earliest_time(system: Mapping[str, str]) -> int:
    """SQS gives what it moves between FIFO queues a new SentTimestamp; the first receipt may be
    told from before ("Configuring a dead-letter queue redrive", SQS Developer Guide)."""
    first_received = int(system.get("ApproximateFirstReceiveTimestamp", 0))
    sent = int(system["SentTimestamp"])
    return min(sent, first_received or sent)


def body_of(letter: DeadLetter) -> str:
    """The body as it was on the queue."""
    return unescape(letter.body)


def own_attributes(letter: DeadLetter) -> dict[str, dict[str, Any]]:
    """The event's own message attributes, in the form of SendMessage."""
    return {name: _restored(value) for name, value in letter.attributes.items()}


def first_sent_milliseconds(letter: DeadLetter) -> int:
    """When its event was first queued, as SQS writes times."""
    return (letter.first_sent_at - EPOCH) // timedelta(milliseconds=1)


def contact_of(letter: DeadLetter) -> tuple[UUID, str] | None:
    """Return the project and the contact that the body names, or None unless it names both."""
    if letter.project_uuid is None or not letter.contact_urn:
        return None
    return letter.project_uuid, letter.contact_urn


def _group_of(system: Mapping[str, str], told: Mapping[str, str]) -> str:
    """Return the event's group as the worker noted it, or else the letter's own.

    They differ where somebody has moved the letter by hand.
    """
    noted = told.get("group_id", "")
    return noted if GROUP_ID.fullmatch(noted) else system["MessageGroupId"]


def _named_in(body: str) -> Mapping[str, Any]:
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


def _kept(attribute: Mapping[str, Any]) -> dict[str, str]:
    kept = {"DataType": escape(attribute["DataType"])}
    if "BinaryValue" in attribute:
        return kept | {"BinaryValue": base64.b64encode(attribute["BinaryValue"]).decode()}
    return kept | {"StringValue": escape(attribute["StringValue"])}


def _restored(kept: Mapping[str, str]) -> dict[str, Any]:
    restored: dict[str, Any] = {"DataType": unescape(kept["DataType"])}
    if "BinaryValue" in kept:
        return restored | {"BinaryValue": base64.b64decode(kept["BinaryValue"])}
    return restored | {"StringValue": unescape(kept["StringValue"])}
