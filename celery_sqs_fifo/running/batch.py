"""Batches of events: what the steps of a chain process, and the outcome of each event."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

from celery.exceptions import Reject

from celery_sqs_fifo.delivery import WAITING, Delivery, Outcome, Result
from celery_sqs_fifo.errors import error_location

TRACEPARENT = "traceparent"
# Version 00 of W3C Trace Context uses 55 characters; later versions may use more.
MAX_TRACEPARENT_LENGTH = 512


class EventsFailed(Reject):
    """At least one event of a batch did not take effect.

    The exception carries the outcomes of all its events to the worker's main process.
    """

    def __init__(self, outcomes: list[Outcome], requeue: bool = True) -> None:
        super().__init__(outcomes, requeue)

    @property
    def outcomes(self) -> list[Outcome]:
        """Return one outcome for each event, in the order of the batch."""
        return list(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedEvent:
    """An event as the first task of the chain receives it.

    `sent_at` is in milliseconds since 1970. `traceparent` is the message attribute of that name
    (W3C Trace Context), which is not validated.
    """

    message_id: str
    group_id: str
    sequence_number: str
    sent_at: int
    body: str
    receive_count: int = 1
    traceparent: str = ""

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """Return the event of a delivery."""
        traceparent = str(delivery.attributes.get(TRACEPARENT, {}).get("StringValue", ""))
        return cls(
            message_id=delivery.message_id,
            group_id=delivery.group_id,
            sequence_number=delivery.sequence_number,
            sent_at=delivery.sent_at,
            receive_count=delivery.receive_count,
            body=delivery.body,
            traceparent=traceparent if len(traceparent) <= MAX_TRACEPARENT_LENGTH else "",
        )

    def as_json(self) -> dict[str, Any]:
        """Return the fields by name, from which a pool process recreates the event."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True, eq=False)
class BatchItem:
    """An event in the chain, with the state that the steps share and its outcome.

    `outcome` is None while the event is pending: the next step processes it. `trace` is for tracing
    and is not used by the steps.
    """

    event: QueuedEvent
    state: Any = None
    outcome: Outcome | None = None
    trace: Any = None

    def __repr__(self) -> str:
        """Return the message id and the result; Celery writes this into logs and task events."""
        return f"{self.event.message_id} {self.outcome.result if self.outcome else 'ok'}"


def process_each(
    batch: Iterable[BatchItem],
    handle: Callable[[BatchItem], None],
    *,
    outcome_of: Callable[[Exception], Outcome],
) -> None:
    """Call `handle` for each pending event, and set the outcome of each event that fails.

    If an event fails, the later events of its group get the outcome WAITING. Events of other groups
    are still handled. An invalid event does not block its group, because it can never take effect.
    """
    blocked: set[str] = set()
    for item in batch:
        group_id = item.event.group_id
        if item.outcome is None and group_id in blocked:
            item.outcome = WAITING
        elif item.outcome is None:
            try:
                handle(item)
            except EventsFailed as failed:
                (item.outcome,) = failed.outcomes
            except Exception as error:
                item.outcome = outcome_of(error)
        if item.outcome and item.outcome.result is not Result.INVALID:
            blocked.add(group_id)


def process_together(
    batch: Iterable[BatchItem],
    *,
    handle_all: Callable[[list[BatchItem]], None],
    handle: Callable[[BatchItem], None],
    outcome_of: Callable[[Exception], Outcome],
) -> None:
    """Handle all pending events with one call of `handle_all`, which must be all or nothing.

    If a dependency is unavailable, all pending events get that outcome. After any other error
    `handle` is called for each event, so that only the event at fault fails. Both functions must be
    idempotent.
    """
    batch = list(batch)
    pending = [item for item in batch if item.outcome is None]
    if len(pending) > 1:
        try:
            handle_all(pending)
            return
        except Exception as error:
            outcome = outcome_of(error)
        if outcome.result is Result.UNAVAILABLE:
            for item in pending:
                item.outcome = outcome
            return
    process_each(batch, handle, outcome_of=outcome_of)


def bug_outcome(error: Exception) -> Outcome:
    """Return the outcome of an unexpected error."""
    return Outcome(Result.BUG, "bug", error_location(error))
