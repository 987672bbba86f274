"""Deliveries of SQS messages, and the outcomes of their events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

FIRST_SENT_AT = "first_sent_at"


@dataclass(slots=True, eq=False, kw_only=True)
class Delivery:
    """One receipt of one message.

    queued_at: when this message was queued (SentTimestamp), in milliseconds since 1970.
    sent_at: when its event was first queued, in milliseconds since 1970. It is earlier than
        `queued_at` only for a dead letter that was redriven.
    received_at, lease_until: in seconds of the monotonic clock.
    is_single: whether the application's rule `goes_alone` holds for its event.
    has_backlog: whether SQS probably keeps more messages of its group back until the received
        ones are deleted.
    was_lost: whether a pool process was lost while it ran this delivery.
    failures: how many runs in this worker failed.
    bugs: how many of those failures are charged to its event (see `charging`).
    begun: the number of its latest run. Runs are numbered in the order in which they begin.
    failed_after: the number of the newest run at the time of its latest failure, while that failure
        is not charged; otherwise None.
    labels: the fields of log lines about it. They contain ids and nothing that people wrote.
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
    begun: int = 0
    failed_after: int | None = None
    labels: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_sqs(cls, message: Mapping[str, Any], *, now: float, lease: float) -> "Delivery":
        """Return the delivery of a message from ReceiveMessage, received at `now`.

        The receive must have requested aws.SYSTEM_ATTRIBUTES. `lease` is in seconds.
        """
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
        """Return the size of the body in bytes."""
        return len(self.body.encode())

    @property
    def goes_alone(self) -> bool:
        """Return whether it must be a batch of one, because it could delay or break others."""
        is_rerun = self.was_lost or self.failures > 0 or self.receive_count > 1
        return self.is_celery or self.is_barrier or self.is_single or is_rerun


class Result(StrEnum):
    """How the run of an event ended."""

    DONE = "done"
    INVALID = "invalid"
    UNAVAILABLE = "unavailable"
    BUG = "bug"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an event's run, and what the worker does next.

    DONE: the event took effect. The worker deletes it.
    INVALID: the event can never take effect. The worker quarantines it.
    UNAVAILABLE: a dependency is down. The worker runs the event again until it succeeds.
    BUG: the run failed unexpectedly. The worker runs the event again, and quarantines it after a
        few failures that are charged to it.
    WAITING: the event was not run, because an earlier event of its group failed. The worker gives
        it back.

    `labels` are fields of log lines about the run, in addition to those of the delivery.
    """

    result: Result
    reason: str = ""
    error: str = ""
    labels: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


DONE = Outcome(Result.DONE)
WAITING = Outcome(Result.WAITING)


def _first_sent_at(attributes: Mapping[str, Any]) -> int | None:
    """Return when the event of a redriven dead letter was first queued.

    Return None for any other message, and if the attribute is not a time.
    """
    text = str(attributes.get(FIRST_SENT_AT, {}).get("StringValue", ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 13 else None
