"""The events of a delivery on their way through the steps, with an outcome for each that ended."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

from celery.exceptions import Reject

from celery_sqs_fifo.delivery import WAITING, Delivery, Outcome, Result
from celery_sqs_fifo.errors import error_location

TRACEPARENT = "traceparent"
# W3C Trace Context asks for 55 characters, and lets later versions have more.
MAX_TRACEPARENT_LENGTH = 512


class EventsFailed(Reject):
    """Carries the outcome of each event of a delivery to the worker's main process."""

    def __init__(self, outcomes: list[Outcome], requeue: bool = True) -> None:
        super().__init__(outcomes, requeue)

    @property
    def outcomes(self) -> list[Outcome]:
        """One for each event, in the order of the delivery."""
        return list(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedEvent:
    """An event as it is given to the first task of the chain.

    `traceparent` is that message attribute as it came (W3C Trace Context), and may be anything.
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
        """The event of a delivery."""
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
        """The form in which it goes to a pool process: the arguments that make it again."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True, eq=False)
class BatchItem:
    """An event on its way through the chain: what the steps hand on, and how it ended if it did.

    `trace` is for whoever follows its way, and nothing to the steps.
    """

    event: QueuedEvent
    state: Any = None
    outcome: Outcome | None = None
    trace: Any = None

    def __repr__(self) -> str:
        """Ids only: Celery writes this into logs and events."""
        return f"{self.event.message_id} {self.outcome.result if self.outcome else 'ok'}"


def process_each(
    batch: Iterable[BatchItem],
    handle: Callable[[BatchItem], None],
    *,
    outcome_of: Callable[[Exception], Outcome],
) -> None:
    """Call `handle` for each event that is still on its way.

    An error ends that event's way, and makes the later events of its group wait; events of other
    groups go on. An invalid event makes nobody wait, because it will never take effect.
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
    """Handle all events that are still on their way with one call, which is all or nothing.

    If it meets an unavailable dependency, so would each of them; after any other error they are
    handled one by one, so that only the one at fault fails. Both must be idempotent.
    """
    batch = list(batch)
    on_their_way = [item for item in batch if item.outcome is None]
    if len(on_their_way) > 1:
        try:
            handle_all(on_their_way)
            return
        except Exception as error:
            outcome = outcome_of(error)
        if outcome.result is Result.UNAVAILABLE:
            for item in on_their_way:
                item.outcome = outcome
            return
    process_each(batch, handle, outcome_of=outcome_of)


def bug_outcome(error: Exception) -> Outcome:
    """The outcome of an error nobody expected."""
    return Outcome(Result.BUG, "bug", error_location(error))
