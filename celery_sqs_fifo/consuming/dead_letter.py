"""The content of a dead letter: the body of an event, and the reason as message attributes."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from celery_sqs_fifo.aws import MAX_MESSAGE_ATTRIBUTES, REFUSED_CHARACTERS
from celery_sqs_fifo.delivery import Delivery
from celery_sqs_fifo.place import PLACE

# The names of the attributes that explain a dead letter.
WORKER_ATTRIBUTES = frozenset({PLACE, "reason", "source_message_id", "receive_count", "error"})
MAX_ERROR_CHARACTERS = 2_000


def dead_letter(delivery: Delivery, *, reason: str, error: str, max_bytes: int) -> dict[str, Any]:
    """Return the parameters of SendMessage for a copy of `delivery` in the dead-letter queue.

    The body is complete. The attributes are in order of importance: the place, the event's own
    attributes that the application's parser reads, those that explain the copy, and the event's
    other text attributes. If the message would be larger than `max_bytes` bytes, the error is
    shortened, and attributes that do not fit are left out.

    The deduplication id is the message id of the source. With the event's deduplication id, SQS
    would drop a second copy within five minutes.
    """
    explanation = {
        PLACE: str(delivery.place),
        "reason": reason,
        "source_message_id": delivery.message_id,
        "receive_count": str(delivery.receive_count),
        "error": error[:MAX_ERROR_CHARACTERS],
    }
    explaining = {name: _text(value) for name, value in explanation.items() if value}
    own = {
        name: {key: value[key] for key in ("DataType", "StringValue")}
        for name, value in delivery.attributes.items()
        if name not in WORKER_ATTRIBUTES and "StringValue" in value
    }
    read = {name: own[name] for name in delivery.texts}
    # A name stays where it comes first.
    ordered = {PLACE: explaining[PLACE], **read, **explaining, **own}
    attributes = dict(islice(ordered.items(), MAX_MESSAGE_ATTRIBUTES))
    room = max_bytes - len(delivery.body.encode())
    return {
        "MessageBody": delivery.body,
        "MessageGroupId": delivery.group_id,
        "MessageDeduplicationId": delivery.message_id,
        "MessageAttributes": _fit(attributes, room=room),
    }


def _text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": REFUSED_CHARACTERS.sub("?", value)}


def _fit(attributes: Mapping[str, dict[str, Any]], *, room: int) -> dict[str, dict[str, Any]]:
    fitting = {}
    for name, whole in attributes.items():
        rest = room - _size(name, whole)
        value = whole
        if rest < 0 and name == "error":
            value = _text(whole["StringValue"].encode()[:rest].decode(errors="ignore"))
            rest = room - _size(name, value)
        if rest >= 0 and value["StringValue"]:
            fitting[name] = value
            room = rest
    return fitting


def _size(name: str, value: Mapping[str, Any]) -> int:
    """Return the size in bytes of name, type and value, as SQS counts it ("Message quotas")."""
    return sum(len(part.encode()) for part in (name, value["DataType"], value["StringValue"]))
