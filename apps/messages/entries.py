"""A chat message as it is kept: the same in DynamoDB and in the archive."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apps.common.lossless_json import dump

MAX_ID_LENGTH_IN_KEY = 256


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MessageEntry:
    """One version of one message, with all that its event carried.

    `message` is the producer's message object as it came (escaped: see apps.common.lossless_json),
    and `extra` holds the fields of the event that nothing here has a place for.
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
        """Time, message id and content hash: a redelivery has the same key, an edit another one.

        It sorts by time, to the microsecond.
        """
        return f"{timestamp(self.at)}#{id_for_key(self.message_id)}#{self.content_hash}"

    def as_json(self) -> dict[str, Any]:
        """The form in which it is stored; `from_json` reads it."""
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
        """The entry that `as_json` gave, edits aside."""
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
    """Tells an edit of a message from the message delivered again."""
    return hashlib.sha256(dump([event_type, message]).encode()).hexdigest()[:32]


def timestamp(at: datetime) -> str:
    """`at` in UTC, always with microseconds, so that text sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def id_for_key(message_id: str) -> str:
    """The id, or its hash where a key would be too long (DynamoDB sort keys end at 1,024 bytes)."""
    if len(message_id.encode()) <= MAX_ID_LENGTH_IN_KEY:
        return message_id
    return "sha256:" + hashlib.sha256(message_id.encode()).hexdigest()
