"""The place of an event: its position on the queue when it was first sent.

The place survives the dead-letter queue and any number of redrives, because the copies of an event
carry it in the message attribute PLACE.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import total_ordering
from typing import Any

# The message attribute that carries the text of a place.
PLACE = "place"
# Times in milliseconds have 13 digits until the year 2286. A sequence number has 128 bits
# (SendMessage, "SequenceNumber"), which are up to 39 digits.
TIME_DIGITS = 13
SEQUENCE_BITS = 128
SEQUENCE_DIGITS = 39
# The year 2000, in milliseconds: before SQS.
MIN_QUEUE_TIME = 946_684_800_000
# The MessageGroupIds that SQS accepts (SendMessage, SQS API Reference).
_GROUP = re.compile(r"[!-~]{1,128}")
_TEXT = re.compile(rf"([0-9]{{{TIME_DIGITS}}})-([0-9]{{{SEQUENCE_DIGITS}}})-([!-~]{{1,128}})")


class InvalidPlace(ValueError):
    """A text or a set of values is not a valid place. The exception's text does not quote it."""


@total_ordering
@dataclass(frozen=True, slots=True)
class Place:
    """The position of an event on the queue when it was first sent.

    queue_time: when SQS accepted it, in milliseconds since 1970.
    sequence_number: the number that SQS assigned to it. Numbers increase within a group only.
    group: the MessageGroupId with which it was sent.

    Within a group the sequence number decides which of two places is earlier. Between groups the
    queue time decides, then the group. If clocks within SQS differ, a later message of a group may
    have an earlier queue time. In that case the order between groups may be circular: a before b, b
    before c, c before a. Within one group it never is.
    """

    queue_time: int
    sequence_number: int
    group: str

    def __post_init__(self) -> None:
        """Raise InvalidPlace if a value does not fit into the text form."""
        if not 0 <= self.queue_time < 10**TIME_DIGITS:
            raise InvalidPlace(f"the queue time of a place has 1 to {TIME_DIGITS} digits")
        if not 0 <= self.sequence_number < 10**SEQUENCE_DIGITS:
            raise InvalidPlace(f"the sequence number of a place has 1 to {SEQUENCE_DIGITS} digits")
        if not _GROUP.fullmatch(self.group):
            raise InvalidPlace("the group of a place must be a MessageGroupId that SQS accepts")

    def __lt__(self, other: "Place") -> bool:
        """Return whether this place is earlier."""
        if self.group == other.group:
            mine = (self.sequence_number, self.queue_time)
            return mine < (other.sequence_number, other.queue_time)
        return (self.queue_time, self.group) < (other.queue_time, other.group)

    def __str__(self) -> str:
        """Return the text form, which `parse` reads: time, sequence number and group.

        The numbers have a fixed width, so that texts sort by time.
        """
        time = f"{self.queue_time:0{TIME_DIGITS}d}"
        return f"{time}-{self.sequence_number:0{SEQUENCE_DIGITS}d}-{self.group}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Return the place that `str` wrote as this text. Raise InvalidPlace for any other text."""
        found = _TEXT.fullmatch(text)
        if not found:
            raise InvalidPlace(
                f"a place is written as {TIME_DIGITS} digits, {SEQUENCE_DIGITS} digits and a "
                "MessageGroupId, with hyphens between them"
            )
        time, number, group = found.groups()
        return cls(int(time), int(number), group)

    @classmethod
    def of_message(cls, message: Mapping[str, Any]) -> "Place":
        """Return the place of the event in a message from ReceiveMessage.

        That is the place that the message carries, or else its own. If it carries a time after its
        own SentTimestamp, the SentTimestamp is used, because the first sending cannot be later.
        """
        system = message["Attributes"]
        own = cls(
            int(system["SentTimestamp"]), int(system["SequenceNumber"]), system["MessageGroupId"]
        )
        first = _carried_by(message.get("MessageAttributes") or {})
        if first is None:
            return own
        return replace(first, queue_time=min(first.queue_time, own.queue_time))


def _carried_by(attributes: Mapping[str, Any]) -> Place | None:
    """Return the place in message attributes, or None if there is none that SQS can have given."""
    try:
        place = Place.parse(str(attributes.get(PLACE, {}).get("StringValue", "")))
    except InvalidPlace:
        return None
    is_possible = place.queue_time >= MIN_QUEUE_TIME and place.sequence_number < 2**SEQUENCE_BITS
    return place if is_possible else None
