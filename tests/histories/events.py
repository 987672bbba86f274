"""The events of random histories: plain data that the oracle and the service both read."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """The kind of an event, or of a pointer of the service."""

    RECEIVED = "message.received"
    SENT = "message.sent"
    DELETED = "message.deleted"
    ANSWER = "answer"
    WINDOW = "window"
    TAKEOVER = "takeover"
    CLOSE = "close"
    CLOSE_POINTER = "close pointer"
    REOPEN_POINTER = "reopen pointer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event with its place on the queue.

    `created_at` is the text in its body. An answer has a `key` and a `value`, and a text or none. A
    deletion has the `direction` of its message, or "".
    """

    number: int
    kind: Kind
    group: str
    queue_time: datetime
    sequence: int
    message_id: str = ""
    text: str = ""
    correlation_id: str = ""
    created_at: str = ""
    name: str = ""
    attachment: str = ""
    key: str = ""
    value: str = ""
    resolution: int = 0
    direction: str = ""

    def is_before(self, other: "Event") -> bool:
        """Return whether this place is earlier: by sequence in a group, else by time and group."""
        if self.group == other.group:
            return self.sequence < other.sequence
        return (self.queue_time, self.group) < (other.queue_time, other.group)


class Action(StrEnum):
    """What happens next in a history: an event runs, or the messages are archived."""

    RUN = "run"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class Step:
    """An action. `event` is the number of the event that runs."""

    action: Action
    event: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Events in the order of sending, and the steps in which they run.

    In `steps` each event runs at least once. In `again` each runs once more.
    """

    seed: int
    events: list[Event]
    steps: list[Step]
    again: list[Step]


def ranks(events: list[Event]) -> dict[int, int] | None:
    """Return the rank of each event's place, or None if the places have no order.

    They have none if timestamps of a group fall while its sequence numbers rise, and an event of
    another group is between them.
    """
    earlier = {one.number: sum(other.is_before(one) for other in events) for one in events}
    return earlier if len(set(earlier.values())) == len(events) else None
