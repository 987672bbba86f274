"""One receipt of one SQS message, and what becomes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

FIRST_SENT_AT = "first_sent_at"


@dataclass(slots=True, eq=False, kw_only=True)
class Delivery:
    """One receipt of one message.

    `queued_at` (SentTimestamp) is when this message was queued, and `sent_at` when its event first
    was: for a dead letter that is sent again they differ. Both are in milliseconds since 1970.
    `received_at` and `lease_until` are in seconds of the monotonic clock. `failures` counts the
    runs here that failed, and `bugs` those of them that nothing but a bug explains. One that
    `is_single` shares no batch. It `has_backlog` if SQS most likely keeps more of its group back
    until this and its like are deleted. `labels` are what log lines say of it: ids, and nothing of
    what it carries.
    """

    message_id: str
    receipt_handle: str
    body: str
    group_id: str
    sequence_number: str
    queued_at: int
    sent_at: int
    receive_count: int
    attributes: Mapping[str, Any]
    received_at: float
    lease_until: float
    is_celery: bool = False
    is_barrier: bool = False
    is_single: bool = False
    has_backlog: bool = False
    was_lost: bool = False
    failures: int = 0
    bugs: int = 0
    labels: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_sqs(cls, message: Mapping[str, Any], *, now: float, lease: float) -> "Delivery":
        """From one message of ReceiveMessage's answer, with aws.SYSTEM_ATTRIBUTES asked for."""
        system = message["Attributes"]
        attributes = message.get("MessageAttributes") or {}
        queued_at = int(system["SentTimestamp"])
        return cls(
            message_id=message["MessageId"],
            receipt_handle=message["ReceiptHandle"],
            body=message["Body"],
            group_id=system["MessageGroupId"],
            sequence_number=system["SequenceNumber"],
            queued_at=queued_at,
            sent_at=_first_sent_at(attributes) or queued_at,
            receive_count=int(system["ApproximateReceiveCount"]),
            attributes=attributes,
            received_at=now,
            lease_until=now + lease,
        )

    @property
    def size(self) -> int:
        """About how many bytes the pool gets for it."""
        return len(self.body.encode())

    @property
    def goes_alone(self) -> bool:
        """Whether it must not share a batch: it may hold up the others, or take them down."""
        is_rerun = self.was_lost or self.failures > 0 or self.receive_count > 1
        return self.is_celery or self.is_barrier or self.is_single or is_rerun


class Result(StrEnum):
    """What running an event came to."""

    DONE = "done"
    INVALID = "invalid"
    UNAVAILABLE = "unavailable"
    BUG = "bug"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one event.

    DONE: it took effect, delete it. INVALID: it never can, quarantine it. UNAVAILABLE: a dependency
    is down, run it again until it works. BUG: run it again a few times, then quarantine it.
    WAITING: not tried, because an earlier event of its group did not get through. `labels` are what
    log lines say of the run, beside those of its delivery.
    """

    result: Result
    reason: str = ""
    error: str = ""
    labels: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


DONE = Outcome(Result.DONE)
WAITING = Outcome(Result.WAITING)


def _first_sent_at(attributes: Mapping[str, Any]) -> int | None:
    """What a dead letter that is sent again says of its first queueing, if that is a time."""
    text = str(attributes.get(FIRST_SENT_AT, {}).get("StringValue", ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 13 else None
