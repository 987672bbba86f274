"""The stored form of a chat message, the same in DynamoDB and in the archive."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apps.common.lossless_json import dump

MAX_ID_LENGTH_IN_KEY = 256


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MessageEntry:
    """One version of one message, with all fields of its event.

    `message` is the producer's message object, escaped (see apps.common.lossless_json). `extra`
    holds the fields of the event that have no attribute here.
    """

    message_id: str
    at: datetime
    sequence_number: str
    event_type: str
    correlation_id: str
    content_hash: str
    message: dict[str, Any]
    extra: dict[str, Any]

    @property
    def key(self) -> str:
        """The version's key: time to the microsecond, message id and content hash.

        A redelivery has the same key, an edit has another. Keys sort by time.
        """
        return f"{timestamp(self.at)}#{id_for_key(self.message_id)}#{self.content_hash}"

    def as_json(self) -> dict[str, Any]:
        """Return the stored form, which `from_json` reads."""
        document = {
            "id": self.message_id,
            "created_at": timestamp(self.at),
            "sequence_number": self.sequence_number,
            "event_type": self.event_type,
            "correlation_id": self.correlation_id,
            "content_hash": self.content_hash,
            "message": self.message,
        }
        return document | ({"extra": self.extra} if self.extra else {})

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "MessageEntry":
        """Return the entry that `as_json` wrote. Edits in the document are ignored."""
        return cls(
            message_id=document["id"],
            at=datetime.fromisoformat(document["created_at"]),
            sequence_number=document["sequence_number"],
            event_type=document["event_type"],
            correlation_id=document["correlation_id"],
            content_hash=document["content_hash"],
            message=document["message"],
            extra=document.get("extra", {}),
        )


def content_hash(*, event_type: str, message: dict[str, Any]) -> str:
    """Return a hash that is the same for a redelivered message and differs for an edit."""
    return hashlib.sha256(dump([event_type, message]).encode()).hexdigest()[:32]


def timestamp(at: datetime) -> str:
    """Return `at` in UTC, always with microseconds, so that the text sorts by time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def id_for_key(message_id: str) -> str:
    """Return the id, or its hash if it is too long for a key.

    DynamoDB limits sort keys to 1,024 bytes.
    """
    if len(message_id.encode()) <= MAX_ID_LENGTH_IN_KEY:
        return message_id
    return "sha256:" + hashlib.sha256(message_id.encode()).hexdigest()
