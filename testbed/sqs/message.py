"""Messages, the results of sends, and the digests of bodies and attributes."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# A message attribute of the JSON protocol: DataType, and StringValue or BinaryValue.
MessageAttribute = Mapping[str, Any]
MessageAttributes = Mapping[str, MessageAttribute]

_TEXT_MARK = b"\x01"
_BINARY_MARK = b"\x02"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """The checked message of a send."""

    body: str
    group_id: str
    deduplication_id: str
    attributes: MessageAttributes


@dataclass(slots=True, kw_only=True)
class Message:
    """A message on a queue. Times are seconds since the epoch.

    `lease_end` is the end of its visibility timeout, None while it is not in flight.
    `receipt_handle` is that of the last receive.
    """

    message_id: str
    sequence: int
    body: str
    group_id: str
    deduplication_id: str
    attributes: MessageAttributes
    sent_at: float
    receive_count: int = 0
    first_received_at: float | None = None
    received_at: float = 0.0
    lease_end: float | None = None
    receipt_handle: str | None = None
    source_arn: str | None = None

    @property
    def is_in_flight(self) -> bool:
        """Whether a consumer has the message, which locks its group."""
        return self.lease_end is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The result of a send. A duplicate has the id and sequence number of the first send."""

    message_id: str
    sequence: int
    is_duplicate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The numbers of messages of a queue."""

    visible: int
    in_flight: int


def body_digest(body: str) -> str:
    """Return the MD5 of a body, in hexadecimal."""
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def attributes_digest(attributes: MessageAttributes) -> str:
    """Return the MD5 of message attributes, in hexadecimal.

    Source: "Calculating the MD5 message digest for message attributes", Amazon SQS Developer Guide.
    """
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        attribute = attributes[name]
        digest.update(_with_length(name.encode()))
        digest.update(_with_length(attribute["DataType"].encode()))
        digest.update(_BINARY_MARK if "BinaryValue" in attribute else _TEXT_MARK)
        digest.update(_with_length(_value(attribute)))
    return digest.hexdigest()


def _value(attribute: MessageAttribute) -> bytes:
    if "BinaryValue" in attribute:
        return base64.b64decode(attribute["BinaryValue"])
    return str(attribute["StringValue"]).encode()


def _with_length(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value
