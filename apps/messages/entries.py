"""The stored form of a chat message, the same in DynamoDB and in the archive."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from celery_sqs_fifo.place import Place

# SQS documents sequence numbers of 20 digits and of 128 bits. Longer ones sort behind the others.
SEQUENCE_DIGITS = 20
MAX_SEQUENCE_DIGITS = 39
GROUP_HASH_DIGITS = 8
# A character that sorts before all digits, so that places of other groups do too.
_FOREIGN = "+"
_PLACE = re.compile(r"(\+?)~?(\d+)-(\d{13})(?:-(.+))?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MessageEntry:
    """One version of one message, with all fields of its event, before it is stored.

    `at` is its time in the transcript. `stamped` is the producer's `created_at` if that is not
    plausible, otherwise "". `message` is the producer's message object, escaped (see
    apps.common.lossless_json). `extra` holds the fields of the event that have no attribute here.

    The stored form depends on `home`, the group of the conversation: places in other groups name
    their group.
    """

    message_id: str
    at: datetime
    stamped: str
    place: Place
    event_type: str
    correlation_id: str
    message: dict[str, Any]
    extra: dict[str, Any]

    def key(self, *, home: str) -> str:
        """Return the key of the version in DynamoDB."""
        return place_key(self.place, home=home)

    def as_json(self, *, home: str) -> dict[str, Any]:
        """Return the stored form."""
        document = {
            "id": self.message_id,
            "created_at": timestamp(self.at),
            "place": stored_place(self.place, home=home),
            "event_type": self.event_type,
            "correlation_id": self.correlation_id,
            "message": self.message,
        }
        document |= {"stamped": self.stamped} if self.stamped else {}
        return document | ({"extra": self.extra} if self.extra else {})


def place_key(place: Place, *, home: str) -> str:
    """Return the key of the item of an event in DynamoDB: its place, with nothing of a producer.

    All keys of a group have the same width. Those of the conversation's own group sort by sequence
    number, behind those of other groups, which end with a hash of the group.
    """
    if place.group == home:
        return _place_text(place)
    group = hashlib.sha256(place.group.encode()).hexdigest()[:GROUP_HASH_DIGITS]
    return f"{_FOREIGN}{_place_text(place)}-{group}"


def stored_place(place: Place, *, home: str) -> str:
    """Return the stored form of a place, which names its group unless that is `home`."""
    text = _place_text(place)
    return text if place.group == home else f"{_FOREIGN}{text}-{place.group}"


def parse_place(text: str, *, home: str) -> Place:
    """Return the place in a stored form or in a key. Raise ValueError for any other text.

    If a key names a place of another group, the group of the result is the hash of that group.
    """
    foreign, sequence_number, milliseconds, group = _parts_of(text)
    return Place(int(milliseconds), int(sequence_number), group if foreign else home)


def queue_time_of(text: str) -> int:
    """Return the queue time of a place in a stored form or in a key, in milliseconds since 1970.

    Raise ValueError for any other text.
    """
    return int(_parts_of(text)[2])


def is_foreign(key: str) -> bool:
    """Return whether a key is that of an event of a group other than the conversation's."""
    return key.startswith(_FOREIGN)


def timestamp(at: datetime) -> str:
    """Return `at` in UTC, always with microseconds, so that the text sorts by time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _parts_of(text: str) -> Sequence[str]:
    """Return what a place consists of: its mark, sequence number, queue time and group."""
    found = _PLACE.fullmatch(text)
    if not found:
        raise ValueError("not a place")
    return found.groups()


def _place_text(place: Place) -> str:
    number = str(place.sequence_number)
    number = (
        number.zfill(SEQUENCE_DIGITS)
        if len(number) <= SEQUENCE_DIGITS
        else f"~{number.zfill(MAX_SEQUENCE_DIGITS)}"
    )
    return f"{number}-{place.queue_time:013d}"
