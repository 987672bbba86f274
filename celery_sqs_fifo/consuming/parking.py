"""Park events on SQS. They are invisible, and SQS keeps their groups locked."""

import logging
from collections.abc import Callable

from celery_sqs_fifo.aws import MAX_VISIBILITY_SECONDS
from celery_sqs_fifo.consuming.causes import CauseNumbers, Causes, parking_seconds
from celery_sqs_fifo.consuming.charging import cause_of
from celery_sqs_fifo.consuming.leases import Leases
from celery_sqs_fifo.consuming.quarantine import about
from celery_sqs_fifo.delivery import Delivery, Outcome
from celery_sqs_fifo.metrics import metrics
from celery_sqs_fifo.options import Options

logger = logging.getLogger(__name__)


class Parking:
    """Limits the dead letters of each cause, and parks the events above that limit."""

    def __init__(self, *, leases: Leases, options: Options, now: Callable[[], float]) -> None:
        self._leases = leases
        self._now = now
        self._causes = Causes(max_quarantined_per_hour=options.max_quarantined_per_cause)

    def may_quarantine(self, outcome: Outcome) -> bool:
        """Return whether the quota of its cause allows one more dead letter, and count it."""
        return self._causes.may_quarantine(cause_of(outcome), now=self._now())

    def park(
        self, delivery: Delivery, outcome: Outcome, *, wait: float, retention_nears_in: float
    ) -> None:
        """Make a message invisible for about `wait` seconds. It must not be in the gate.

        SQS keeps its group locked meanwhile. If the call fails, the current lease runs out, and SQS
        delivers the message earlier.
        """
        now, cause = self._now(), cause_of(outcome)
        seconds = parking_seconds(
            delivery, wait=wait, now=now, retention_nears_in=retention_nears_in
        )
        self._leases.park(delivery, seconds)
        self._causes.note_parked(cause, delivery.receipt_handle, until=now + seconds)
        metrics().parked_for(outcome.reason)
        logger.warning(
            "event_parked",
            extra={**about(delivery, outcome), "cause": cause, "seconds": seconds},
        )

    def causes(self) -> list[CauseNumbers]:
        """Return each cause that has recent dead letters or parked events (CauseNumbers)."""
        return self._causes.numbers(now=self._now())

    def release(self, cause: str) -> int:
        """Reset the quota of a cause, make its parked events visible, and return their number."""
        handles = self._causes.release(cause, now=self._now())
        self._leases.make_visible(handles, until=self._now() + MAX_VISIBILITY_SECONDS)
        logger.warning("cause_released", extra={"cause": cause, "messages": len(handles)})
        return len(handles)
