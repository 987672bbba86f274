"""Builds a received message in SQS's JSON protocol, with the requested attributes."""

from collections.abc import Iterable, Mapping
from typing import Any

from testbed.sqs.errors import SqsError
from testbed.sqs.message import (
    Message,
    MessageAttributes,
    attributes_digest,
    body_digest,
)

_SENDER_ID = "AIDAEXAMPLE"
_SYSTEM_ATTRIBUTES = frozenset(
    {
        *("ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "AWSTraceHeader"),
        *("DeadLetterQueueSourceArn", "MessageDeduplicationId", "MessageGroupId"),
        *("SenderId", "SentTimestamp", "SequenceNumber"),
    }
)


def wanted_system_attributes(request: Mapping[str, Any]) -> frozenset[str]:
    """Return the requested system attributes. The parameter has a new and an old name."""
    names = {
        *(request.get("MessageSystemAttributeNames") or ()),
        *(request.get("AttributeNames") or ()),
    }
    if "All" in names:
        return _SYSTEM_ATTRIBUTES
    unknown = names - _SYSTEM_ATTRIBUTES
    if unknown:
        raise SqsError(code="InvalidAttributeName", message=f"Unknown Attribute {min(unknown)}.")
    return frozenset(names)


def shown_message(
    *, message: Message, system_attributes: frozenset[str], attribute_patterns: Iterable[str]
) -> dict[str, Any]:
    """Return an element of `Messages` in the answer to ReceiveMessage."""
    shown: dict[str, Any] = {
        "MessageId": message.message_id,
        "ReceiptHandle": message.receipt_handle,
        "MD5OfBody": body_digest(message.body),
        "Body": message.body,
    }
    if system_attributes:
        texts = _system_attributes(message)
        shown["Attributes"] = {name: texts[name] for name in texts if name in system_attributes}
    attributes = _matching(message.attributes, attribute_patterns) if attribute_patterns else {}
    if attributes:
        shown["MessageAttributes"] = attributes
        shown["MD5OfMessageAttributes"] = attributes_digest(attributes)
    return shown


def milliseconds(seconds: float) -> str:
    """Return a time as in SQS's attributes: whole milliseconds since the epoch."""
    return str(int(seconds * 1000))


def _system_attributes(message: Message) -> dict[str, str]:
    texts = {
        "SenderId": _SENDER_ID,
        "SentTimestamp": milliseconds(message.sent_at),
        "ApproximateReceiveCount": str(message.receive_count),
        "ApproximateFirstReceiveTimestamp": milliseconds(message.first_received_at or 0),
        "SequenceNumber": str(message.sequence),
        "MessageDeduplicationId": message.deduplication_id,
        "MessageGroupId": message.group_id,
    }
    if message.source_arn is not None:
        texts["DeadLetterQueueSourceArn"] = message.source_arn
    return texts


def _matching(attributes: MessageAttributes, patterns: Iterable[str]) -> MessageAttributes:
    """Return the attributes that match a name, `All`, `.*` or a prefix such as `bar.*`."""
    patterns = set(patterns)
    if patterns & {"All", ".*"}:
        return attributes
    prefixes = tuple(pattern[:-1] for pattern in patterns if pattern.endswith(".*"))
    return {
        name: attribute
        for name, attribute in attributes.items()
        if name in patterns or (prefixes and name.startswith(prefixes))
    }
