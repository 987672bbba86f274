"""What goes to the dead-letter queue: the event as it was, and why it is there."""

import re
from collections.abc import Mapping
from typing import Any

from celery_sqs_fifo.delivery import FIRST_SENT_AT, Delivery

# SQS: a message has at most ten attributes, which count into its size.
MOST_ATTRIBUTES = 10
LONGEST_ERROR = 2_000
# What SQS refuses in a text (SendMessage, "MessageBody").
REFUSED = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def dead_letter(
    delivery: Delivery, *, reason: str, error: str, largest_size: int
) -> dict[str, Any]:
    """The parameters of SendMessage for a copy of `delivery` in the dead-letter queue.

    The body is whole. The attributes say why, in order of worth; they are shortened, then dropped,
    where the message would be larger than `largest_size` bytes; the event's own text attributes
    come last. The copy is deduplicated by the
    id of its source: the event's own deduplication id would make SQS swallow a second copy within
    five minutes.
    """
    told = {
        "reason": reason,
        "source_message_id": delivery.message_id,
        FIRST_SENT_AT: str(delivery.sent_at),
        "group_id": delivery.group_id,
        "receive_count": str(delivery.receive_count),
        "error": error[:LONGEST_ERROR],
    }
    attributes = {name: _text(value) for name, value in told.items() if value}
    for name, value in delivery.attributes.items():
        if name not in told and "StringValue" in value and len(attributes) < MOST_ATTRIBUTES:
            attributes[name] = {key: value[key] for key in ("DataType", "StringValue")}
    room = largest_size - len(delivery.body.encode())
    return {
        "MessageBody": delivery.body,
        "MessageGroupId": delivery.group_id,
        "MessageDeduplicationId": delivery.message_id,
        "MessageAttributes": _fitting(attributes, room=room),
    }


def _text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": REFUSED.sub("?", value)}


def _fitting(attributes: Mapping[str, dict[str, Any]], *, room: int) -> dict[str, dict[str, Any]]:
    fitting = {}
    for name, value in attributes.items():
        rest = room - _size(name, value)
        if rest < 0 and name == "error":
            value = _text(value["StringValue"].encode()[:rest].decode(errors="ignore"))
            rest = room - _size(name, value)
        if rest >= 0 and value["StringValue"]:
            fitting[name] = value
            room = rest
    return fitting


def _size(name: str, value: Mapping[str, Any]) -> int:
    """Name, type and value all count (SQS, "Message quotas")."""
    return sum(len(part.encode()) for part in (name, value["DataType"], value["StringValue"]))
