"""One receipt of one SQS message, and what becomes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

SYSTEM_ATTRIBUTES = (
    "ApproximateReceiveCount",
    "MessageDeduplicationId",
    "MessageGroupId",
    "SentTimestamp",
    "SequenceNumber",
)
FIRST_SENT_AT = "first_sent_at"


@dataclass(slots=True, eq=False, kw_only=True)
class Delivery:
    """One receipt of one message; `lease_until` is in seconds of the monotonic clock."""

    message_id: str
    receipt_handle: str
    body: str
    group_id: str
    sequence_number: str
    sent_at: int
    receive_count: int
    attributes: Mapping[str, Any]
    received_at: float
    lease_until: float
    is_celery: bool = False
    is_barrier: bool = False
    failures: int = 0

    @classmethod
    def from_sqs(cls, message: Mapping[str, Any], *, now: float, lease: float) -> "Delivery":
        """From one message of ReceiveMessage's answer, with SYSTEM_ATTRIBUTES asked for.

        `sent_at` is when the event was first queued, in milliseconds since 1970: SentTimestamp,
        or what a dead letter that is sent again says of its first queueing.
        """
        system = message["Attributes"]
        attributes = message.get("MessageAttributes") or {}
        first_sent_at = str(attributes.get(FIRST_SENT_AT, {}).get("StringValue", ""))
        is_time = first_sent_at.isascii() and first_sent_at.isdigit()
        return cls(
            message_id=message["MessageId"],
            receipt_handle=message["ReceiptHandle"],
            body=message["Body"],
            group_id=system["MessageGroupId"],
            sequence_number=system["SequenceNumber"],
            sent_at=int(first_sent_at[:15] if is_time else system["SentTimestamp"]),
            receive_count=int(system["ApproximateReceiveCount"]),
            attributes=attributes,
            received_at=now,
            lease_until=now + lease,
        )


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
    WAITING: not tried, because an earlier event of its group did not get through.
    """

    result: Result
    reason: str = ""
    error: str = ""


DONE = Outcome(Result.DONE)
WAITING = Outcome(Result.WAITING)
