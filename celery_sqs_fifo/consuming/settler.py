"""What is done with an event after it ran: delete, hold and run again, quarantine, give back."""

import logging
from collections.abc import Callable, Iterable, Sequence
from time import monotonic, time
from typing import Any

from celery_sqs_fifo.consuming.acks import Acks
from celery_sqs_fifo.consuming.gate import Gate
from celery_sqs_fifo.consuming.leases import Leases
from celery_sqs_fifo.consuming.quarantine import Quarantine, about
from celery_sqs_fifo.consuming.sqs_calls import Calls
from celery_sqs_fifo.delivery import Delivery, Outcome, Result
from celery_sqs_fifo.metrics import metrics
from celery_sqs_fifo.options import Options

logger = logging.getLogger(__name__)

TOO_OLD = Outcome(
    Result.UNAVAILABLE, "unavailable", "it neared the queue's retention while nothing could run"
)
LOST = Outcome(Result.BUG, "lost", "the process that ran it was lost, or it ran into a time limit")


class Settler:
    """Settles the deliveries that were taken from a gate, and keeps all leases of what it holds.

    `on_unavailable` is told of each event that met an unavailable dependency, and `on_progress`
    whenever something else may be able to run.
    """

    def __init__(
        self,
        *,
        gate: Gate,
        queue_url: str,
        options: Options,
        calls: Calls,
        call_later: Callable[..., Any],
        on_unavailable: Callable[[Delivery, Outcome], None],
        on_progress: Callable[[], None],
    ) -> None:
        self._gate = gate
        self._options = options
        self._call_later = call_later
        self._on_unavailable = on_unavailable
        self._on_progress = on_progress
        self._acks = Acks(
            calls=calls,
            queue_url=queue_url,
            flush_after=options.flush_deletes_after,
            flush_within=options.flush_deletes_within,
            now=monotonic,
            call_later=call_later,
            on_deleted=self._on_deleted,
            on_too_late=self._on_too_late,
        )
        self._visibility = Leases(
            calls=calls,
            queue_url=queue_url,
            timeout=options.visibility_timeout,
            now=monotonic,
            on_lost=self._on_lease_lost,
        )
        self._quarantine = Quarantine(
            calls=calls,
            queue_url=options.dead_letter_queue_url,
            max_message_bytes=options.max_message_bytes,
            backoff=options.backoff,
            call_later=call_later,
            on_quarantined=self._on_quarantined,
            on_refused=self._on_quarantine_refused,
        )
        # Taken from the gate, but not with the pool: held, or being quarantined; and why.
        self._parked: dict[Delivery, Outcome] = {}
        self._stopped = False

    def settle(self, batch: Sequence[Delivery], outcomes: Sequence[Outcome] | None) -> None:
        """An outcome for each event of a batch; without any, its process was lost."""
        if outcomes is None and len(batch) > 1:
            self._run_one_by_one(batch)
        else:
            self._settle_each(batch, outcomes or [LOST])
        if self._stopped:
            self._acks.flush()

    def finish(self, delivery: Delivery) -> None:
        """It took effect, or needs none: delete it."""
        self._gate.finish(delivery)
        self._acks.add(delivery)
        self.flush_awaited([delivery.group_id])

    def quarantine(self, delivery: Delivery, outcome: Outcome) -> None:
        """It never can take effect: copy it to the dead-letter queue, and then delete it."""
        self._parked[delivery] = outcome
        self._quarantine.send(delivery, outcome)

    def quarantine_near_retention(self) -> bool:
        """While nothing can run: copy what SQS will drop soon to the dead-letter queue.

        Tells whether there was any. A group's events go one after the other, in their order.
        """
        taken = self._gate.take_queued_before(self._retention_nears_for())
        old = self.release_nearly_over(taken)
        for delivery in old:
            self.quarantine(delivery, TOO_OLD)
        return bool(old)

    def give_back(self, delivery: Delivery) -> None:
        """Let SQS deliver this taken message, and what waits behind it, again."""
        self._gate.forget(delivery)
        followers = self._gate.drop_waiting(delivery.group_id)
        self._visibility.release([delivery, *followers])

    def release(self, deliveries: Iterable[Delivery]) -> None:
        """Let SQS deliver messages again that the gate does not have."""
        self._visibility.release(deliveries)

    def release_nearly_over(self, batch: Sequence[Delivery]) -> list[Delivery]:
        """Give back what has too little of its lease left to begin running it; gives the rest."""
        leased: list[Delivery] = []
        given_back: set[str] = set()
        for delivery in batch:
            if delivery.group_id in given_back or self._visibility.is_nearly_over(delivery):
                given_back.add(delivery.group_id)
                self.give_back(delivery)
            else:
                leased.append(delivery)
        return leased

    def flush_awaited(self, group_ids: Iterable[str]) -> None:
        """Delete soon where a barrier, what follows one, or what SQS keeps back waits for it.

        Where a group has a backlog and nothing else is on its way to being deleted, at once: what
        is spared by gathering would be nothing, and the group would stand still for it.
        """
        awaited = [group_id for group_id in group_ids if self._gate.waits_for_deletes(group_id)]
        if awaited:
            has_backlog = any(map(self._gate.has_backlog, awaited))
            self._acks.hurry(at_once=has_backlog and self._gate.is_idle)

    def flush(self) -> None:
        """Delete all that has finished."""
        self._acks.flush()

    def stop(self) -> None:
        """Give back all that is not with the pool, and hold nothing from now on."""
        self._stopped = True
        parked = list(self._parked)
        for delivery in parked:
            self._forget_parked(delivery)
        waiting = [one for group in self._gate.group_ids for one in self._gate.drop_waiting(group)]
        self._visibility.release([*parked, *waiting])
        self._acks.flush()

    def keep_leases(self) -> None:
        """Renew what needs renewing, and give back what SQS will soon renew no more."""
        too_old = monotonic() - self._options.max_hold
        for delivery in [parked for parked in self._parked if parked.received_at < too_old]:
            del self._parked[delivery]
            self.give_back(delivery)
        for group_id in {held.group_id for held in self._gate if held.received_at < too_old}:
            self._visibility.release(self._gate.drop_waiting(group_id))
        self._visibility.extend([*self._gate, *self._acks.undeleted])
        self._on_progress()

    def _settle_each(self, batch: Sequence[Delivery], outcomes: Sequence[Outcome]) -> None:
        """Of a group only the first that failed is held; what comes after it goes back."""
        failed_groups: set[str] = set()
        for delivery, outcome in zip(batch, outcomes, strict=True):
            if outcome.result in (Result.DONE, Result.INVALID):
                self._settle_one(delivery, outcome)
            elif delivery.group_id in failed_groups:
                self.give_back(delivery)
            else:
                failed_groups.add(delivery.group_id)
                self._settle_one(delivery, outcome)

    def _settle_one(self, delivery: Delivery, outcome: Outcome) -> None:
        match outcome.result:
            case Result.DONE:
                self.finish(delivery)
            case Result.INVALID:
                self.quarantine(delivery, outcome)
            case Result.BUG if delivery.bugs + 1 >= self._options.max_bug_runs:
                self.quarantine(delivery, outcome)
            case Result.UNAVAILABLE if delivery.queued_at / 1000 < self._retention_nears_for():
                self.quarantine(delivery, outcome)
            case Result.WAITING:
                self.give_back(delivery)
            case _:
                self._hold(delivery, outcome)

    def _hold(self, delivery: Delivery, outcome: Outcome) -> None:
        """Run it again in its place, later. Its followers go back: SQS keeps the group locked."""
        if self._stopped:
            self.give_back(delivery)
            return
        delivery.failures += 1
        delivery.bugs += outcome.result is Result.BUG
        logger.warning("event_held", extra=about(delivery, outcome))
        self._visibility.release(self._gate.drop_waiting(delivery.group_id))
        self._parked[delivery] = outcome
        metrics().held_for_rerun.labels(LOST.reason if outcome is LOST else outcome.result).inc()
        delay = self._options.backoff.after(delivery.failures)
        self._call_later(delay, self._run_again, delivery)
        if outcome.result is Result.UNAVAILABLE:
            self._on_unavailable(delivery, outcome)

    def _run_again(self, delivery: Delivery) -> None:
        if delivery in self._parked:
            del self._parked[delivery]
            self._gate.put_back(delivery)
            self._on_progress()

    def _run_one_by_one(self, batch: Sequence[Delivery]) -> None:
        """Nobody knows which of them took the process down."""
        logger.warning("pool_process_lost", extra={"messages": len(batch)})
        metrics().held_for_rerun.labels(LOST.reason).inc(len(batch))
        for delivery in reversed(batch):
            delivery.was_lost = True
            if self._stopped:
                self.give_back(delivery)
            else:
                self._gate.put_back(delivery)

    def _retention_nears_for(self) -> float:
        """What was queued before this moment has over 80% of its time on the queue behind it."""
        return time() - 0.8 * self._options.retention

    def _on_quarantined(self, delivery: Delivery) -> None:
        if delivery in self._parked:
            metrics().quarantined_for(self._parked.pop(delivery).reason)
            self.finish(delivery)
            self._on_progress()

    def _on_quarantine_refused(self, delivery: Delivery) -> None:
        if delivery in self._parked:
            del self._parked[delivery]
            self.give_back(delivery)

    def _forget_parked(self, delivery: Delivery) -> None:
        del self._parked[delivery]
        self._gate.forget(delivery)

    def _on_lease_lost(self, delivery: Delivery) -> None:
        """SQS delivers it again, so nothing after it may run from here."""
        dropped = self._gate.drop_waiting(delivery.group_id)
        self._visibility.release(other for other in dropped if other is not delivery)
        if delivery in self._parked:
            self._forget_parked(delivery)
        self._on_progress()

    def _on_deleted(self, delivery: Delivery) -> None:
        self._gate.confirm(delivery)
        self._on_progress()

    def _on_too_late(self, delivery: Delivery) -> None:
        self._gate.confirm(delivery)
        self._on_lease_lost(delivery)
