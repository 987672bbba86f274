"""Deliveries of SQS messages, and the outcomes of their events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from celery_sqs_fifo.place import Place


@dataclass(slots=True, eq=False, kw_only=True)
class Delivery:
    """One receipt of one message.

    queued_at: when this message was queued (SentTimestamp), in milliseconds since 1970.
    place: the position of its event on the queue when it was first sent. It is the place of this
        message unless the message is a redriven dead letter.
    texts: the texts of those message attributes that the application's parser reads.
    received_at, lease_until: in seconds of the monotonic clock.
    is_single: whether its event must run alone, because the application's rule `goes_alone` says so
        or because its last batch took too long to reach it.
    kind: a word for the work that the steps do for its event, from the application's rule
        `kind_of`.
    scope: what its event shares with other events that a local failure may also affect, such as a
        customer; empty if unknown.
    tick: the task's name if it is a tick (a pointer without arguments, which a schedule sends);
        otherwise empty.
    has_backlog: whether SQS probably keeps more messages of its group back until the received
        ones are deleted.
    was_lost: whether a pool process was lost while it ran this delivery.
    failures: how many runs in this worker failed.
    failing_since: when the first of these runs failed, in seconds since 1970.
    failure: the outcome of the latest of these runs.
    bugs: how many of those failures are charged to its event (see `charging`).
    limits_hit: how many of its latest runs in a row had an outcome with `may_be_own`.
    begun: the number of its latest run. Runs are numbered in the order in which they begin.
    failed_after: the number of the newest run at the time of its latest failure, while that failure
        is not charged; otherwise None.
    labels: the fields of log lines about it. They contain ids and nothing that people wrote.
    """

    message_id: str
    receipt_handle: str
    body: str
    group_id: str
    place: Place
    queued_at: int
    receive_count: int
    attributes: Mapping[str, Any]
    received_at: float
    lease_until: float
    texts: Mapping[str, str] = field(default_factory=dict)
    is_celery: bool = False
    is_barrier: bool = False
    is_single: bool = False
    kind: str = ""
    scope: str = ""
    tick: str = ""
    has_backlog: bool = False
    was_lost: bool = False
    failures: int = 0
    failing_since: float = 0.0
    failure: "Outcome | None" = None
    bugs: int = 0
    limits_hit: int = 0
    begun: int = 0
    failed_after: int | None = None
    labels: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_sqs(cls, message: Mapping[str, Any], *, now: float, lease: float) -> "Delivery":
        """Return the delivery of a message from ReceiveMessage, received at `now`.

        The receive must have requested aws.SYSTEM_ATTRIBUTES. `lease` is in seconds.
        """
        system = message["Attributes"]
        return cls(
            message_id=message["MessageId"],
            receipt_handle=message["ReceiptHandle"],
            body=message["Body"],
            group_id=system["MessageGroupId"],
            place=Place.of_message(message),
            queued_at=int(system["SentTimestamp"]),
            receive_count=int(system["ApproximateReceiveCount"]),
            attributes=message.get("MessageAttributes") or {},
            received_at=now,
            lease_until=now + lease,
        )

    @property
    def size(self) -> int:
        """Return the size in bytes of what the pool reads: the body, and texts of attributes."""
        return sum(len(text.encode()) for text in (self.body, *self.texts.values()))

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
    WAITING: the event was not run. If an earlier event of its group failed, the worker gives it
        back; otherwise its batch took too long, and the worker runs it alone.

    `is_local` is true if the failure affects only events of the same scope, for example because a
    row is locked. `may_be_own` is true if an unavailable dependency may be the fault of the event
    itself, for example if its statement hits a time limit; after several such runs in a row, the
    outcome becomes BUG. `labels` are fields of log lines about the run, in addition to those of the
    delivery.
    """

    result: Result
    reason: str = ""
    error: str = ""
    is_local: bool = False
    may_be_own: bool = False
    labels: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


DONE = Outcome(Result.DONE)
WAITING = Outcome(Result.WAITING)
