"""The report about the events that failed and will run again, for operators. No input or output."""

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

from celery_sqs_fifo.consuming.charging import cause_of
from celery_sqs_fifo.delivery import Delivery

# The maximum number of events in a report. `total` counts all of them.
MAX_REPORTED = 10


class HeldEvent(TypedDict):
    """An event that failed and will run again, by ids.

    attempts: how many of its runs in this worker failed.
    held_for_seconds: the time since the first of these failures.
    queued_for_seconds: the time since it was queued.
    reason, cause: those of its latest failure, as in the log event `event_held`.
    labels: the fields of its log lines.
    """

    message_id: str
    attempts: int
    held_for_seconds: float
    queued_for_seconds: float
    reason: str
    cause: str
    labels: Mapping[str, Any]


class HeldEvents(TypedDict):
    """How many events failed and will run again, and those that failed first."""

    total: int
    events: list[HeldEvent]


def report_held(deliveries: Iterable[Delivery], *, now: float) -> HeldEvents:
    """Return a report about those deliveries whose last run failed. `now` is a Unix time.

    It includes events that are running again.
    """
    failed = sorted(
        (delivery for delivery in deliveries if delivery.failures),
        key=lambda delivery: delivery.failing_since,
    )
    return HeldEvents(
        total=len(failed),
        events=[_held_event(delivery, now=now) for delivery in failed[:MAX_REPORTED]],
    )


def _held_event(delivery: Delivery, *, now: float) -> HeldEvent:
    outcome = delivery.failure
    return HeldEvent(
        message_id=delivery.message_id,
        attempts=delivery.failures,
        held_for_seconds=round(max(0.0, now - delivery.failing_since), 1),
        queued_for_seconds=round(max(0.0, now - delivery.queued_at / 1000), 1),
        reason=outcome.reason if outcome else "",
        cause=cause_of(outcome) if outcome else "",
        labels=dict(delivery.labels),
    )
