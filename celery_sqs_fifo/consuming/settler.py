"""Settle events after a run: delete, hold and rerun, quarantine, or give back to SQS."""

import logging
from collections.abc import Callable, Iterable, Sequence
from time import monotonic, time
from typing import Any

from celery_sqs_fifo.consuming.acks import Acks
from celery_sqs_fifo.consuming.charging import LOST
from celery_sqs_fifo.consuming.failures import Failures, SettlerListener, retention_nears_for
from celery_sqs_fifo.consuming.gate import Gate
from celery_sqs_fifo.consuming.leases import Leases
from celery_sqs_fifo.consuming.quarantine import Quarantine
from celery_sqs_fifo.consuming.reports import Report
from celery_sqs_fifo.consuming.sqs_calls import Calls
from celery_sqs_fifo.delivery import Delivery, Outcome, Result
from celery_sqs_fifo.metrics import metrics
from celery_sqs_fifo.options import Options
from celery_sqs_fifo.running.pointers import NotAllowed, UnknownPointer

logger = logging.getLogger(__name__)

TOO_OLD = Outcome(
    Result.UNAVAILABLE, "unavailable", "it neared the queue's retention while nothing could run"
)


class Settler:
    """Settles the deliveries that were taken from a gate, and renews the leases of held messages.

    `_apply` receives the reports of deletes, lease changes and copies. `failures` settles events
    that failed.
    """

    def __init__(
        self,
        *,
        gate: Gate,
        queue_url: str,
        options: Options,
        calls: Calls,
        call_later: Callable[..., Any],
        listener: SettlerListener,
    ) -> None:
        self._gate = gate
        self._options = options
        self._listener = listener
        self._acks = Acks(
            calls=calls,
            queue_url=queue_url,
            gather_for=options.gather_for,
            flush_after=options.flush_deletes_after,
            flush_within=options.flush_deletes_within,
            backoff=options.backoff,
            now=monotonic,
            call_later=call_later,
            report=self._apply,
        )
        self._leases = Leases(
            calls=calls,
            queue_url=queue_url,
            timeout=options.visibility_timeout,
            backoff=options.backoff,
            now=monotonic,
            call_later=call_later,
            report=self._apply,
        )
        self._quarantine = Quarantine(
            calls=calls,
            queue_url=options.dead_letter_queue_url,
            max_message_bytes=options.max_message_bytes,
            backoff=options.backoff,
            leases=self._leases,
            call_later=call_later,
            report=self._apply,
        )
        self.failures = Failures(
            gate=gate,
            leases=self._leases,
            options=options,
            call_later=call_later,
            listener=listener,
            quarantine=self.quarantine,
        )
        self._stopped = False

    def settle(self, batch: Sequence[Delivery], outcomes: Sequence[Outcome] | None) -> None:
        """Settle a batch with one outcome for each event. None means that its process was lost."""
        if outcomes is None and len(batch) > 1:
            self._run_one_by_one(batch)
        else:
            self._settle_each(batch, outcomes or [LOST])
        if self._stopped:
            self._acks.flush()

    def finish(self, delivery: Delivery) -> None:
        """Delete a message that took effect, or that needs no run."""
        self._gate.finish(delivery)
        self._acks.add(delivery)
        self.flush_awaited([delivery.group_id])

    def refuse(self, delivery: Delivery, refusal: NotAllowed) -> None:
        """Quarantine a Celery message that may not run.

        During a deploy, workers of a newer release may know a pointer that this one does not know.
        Such a pointer is given back until `unknown_pointer_wait` seconds after it was queued.
        """
        age = time() - delivery.queued_at / 1000
        if isinstance(refusal, UnknownPointer) and age < self._options.unknown_pointer_wait:
            self.failures.leave_to_others(delivery)
        else:
            self.quarantine(delivery, Outcome(Result.INVALID, "not_allowed", str(refusal)))

    def quarantine(self, delivery: Delivery, outcome: Outcome) -> None:
        """Copy an event to the dead-letter queue, and then delete it."""
        self._quarantine.add(delivery, outcome)

    def quarantine_near_retention(self) -> bool:
        """Quarantine the events that SQS will soon drop, and return whether there was any.

        The consumer calls this while the circuit is open. It takes only the first event of each
        group, so that the copies keep the order of the group.
        """
        taken = self._gate.take_queued_before(retention_nears_for(self._options.retention))
        old = self.release_nearly_over(taken)
        for delivery in old:
            self.quarantine(delivery, TOO_OLD)
        return bool(old)

    @property
    def counted(self) -> int:
        """Return how many messages wait, run, or have a pending delete, except those set aside."""
        set_aside = min(self.failures.set_aside, self._options.max_set_aside)
        return self._gate.held + self._acks.number - set_aside

    @property
    def undeleted(self) -> int:
        """Return how many finished messages have a pending delete."""
        return self._acks.number

    def give_back(self, delivery: Delivery) -> None:
        """Let SQS deliver a taken message and the waiting messages of its group again."""
        self._gate.forget(delivery)
        followers = self._gate.drop_waiting(delivery.group_id)
        self._leases.release([delivery, *followers])

    def release(self, deliveries: Iterable[Delivery]) -> None:
        """Let SQS deliver messages again. They must not be in the gate."""
        self._leases.release(deliveries)

    def release_nearly_over(self, batch: Sequence[Delivery]) -> list[Delivery]:
        """Give back messages whose lease is nearly over, and return the others.

        A message also goes back if an earlier message of its group does, to keep the order.
        """
        leased: list[Delivery] = []
        given_back: set[str] = set()
        for delivery in batch:
            if delivery.group_id in given_back or self._leases.is_nearly_over(delivery):
                given_back.add(delivery.group_id)
                self.give_back(delivery)
            else:
                leased.append(delivery)
        return leased

    def flush_awaited(self, group_ids: Iterable[str]) -> None:
        """Delete finished messages soon if one of these groups waits for the deletes.

        A group waits if its next message is a barrier, follows a barrier, or is still on SQS. If a
        group with a backlog waits and the gate is idle, delete at once: no further message would
        join the call, so a delay would save nothing.
        """
        awaited = [group_id for group_id in group_ids if self._gate.waits_for_deletes(group_id)]
        if awaited:
            has_backlog = any(map(self._gate.has_backlog, awaited))
            self._acks.hurry(at_once=has_backlog and self._gate.is_idle)

    def flush(self) -> None:
        """Send the deletes of all finished messages."""
        self._acks.flush()

    def stop(self) -> None:
        """Give back all messages that the pool does not have. Hold no event from now on.

        An event whose copy is on its way to the dead-letter queue stays until SQS has answered.
        """
        self._stopped = True
        self._leases.release_failed()
        set_aside = [*self.failures.held, *self._quarantine.stop()]
        for delivery in set_aside:
            self._forget(delivery)
        group_ids = self._gate.group_ids
        waiting = [one for group_id in group_ids for one in self._gate.drop_waiting(group_id)]
        self._leases.release([*set_aside, *waiting])
        self._acks.flush()

    def keep_leases(self) -> None:
        """Renew leases, and give back messages that are held for over `max_hold` seconds.

        SQS does not renew a lease beyond twelve hours.
        """
        oldest_receipt = monotonic() - self._options.max_hold
        for delivery in [*self.failures.held, *self._quarantine.unsent]:
            # It may have been given back already, together with an earlier event of its group.
            if delivery.received_at < oldest_receipt and self._is_set_aside(delivery):
                self._leases.release([delivery, *self._drop_followers(delivery)])
                self._forget(delivery)
        for group_id in {held.group_id for held in self._gate if held.received_at < oldest_receipt}:
            self._leases.release(self._gate.drop_waiting(group_id))
        self._leases.extend(self.leased)
        self._listener.on_progress()

    @property
    def leased(self) -> list[Delivery]:
        """Return the messages whose leases must not run out."""
        return [*self._gate, *self._acks.undeleted]

    def _settle_each(self, batch: Sequence[Delivery], outcomes: Sequence[Outcome]) -> None:
        """Settle each event. Of several failed events of a group, give back all but the first."""
        failed_groups: set[str] = set()
        not_run: list[Delivery] = []
        kinds: set[str] = set()
        for delivery, outcome in zip(batch, outcomes, strict=True):
            if outcome.result in (Result.DONE, Result.INVALID):
                self._settle_one(delivery, outcome)
                if delivery.failure == LOST:
                    self.failures.charging.forgive_lost(self._gate)
            elif delivery.group_id in failed_groups:
                self.give_back(delivery)
            elif outcome.result is Result.WAITING and not self._stopped:
                not_run.append(delivery)
            else:
                failed_groups.add(delivery.group_id)
                self._settle_one(delivery, outcome)
            # A pointer does not prove that dependencies work: its task may not need any of them.
            if outcome.result is Result.DONE and not delivery.is_celery:
                kinds.add(delivery.kind)
        for delivery in reversed(not_run):
            delivery.is_single = True
            self._gate.put_back(delivery)
        if kinds:
            self.failures.note_success(
                batch[0].begun, proves=lambda failed: failed.is_celery or failed.kind in kinds
            )

    def _settle_one(self, delivery: Delivery, outcome: Outcome) -> None:
        match outcome.result:
            case Result.DONE:
                self.finish(delivery)
            case Result.INVALID:
                self.quarantine(delivery, outcome)
            case Result.WAITING:
                self.give_back(delivery)
            case _ if self._stopped and not self.failures.nears_retention(delivery):
                self.give_back(delivery)
            case _:
                self.failures.add(delivery, outcome)

    def _run_one_by_one(self, batch: Sequence[Delivery]) -> None:
        """Run each event of a lost batch alone, to find the one that took the process down."""
        logger.warning("pool_process_lost", extra={"messages": len(batch)})
        metrics().held_for_rerun.labels(LOST.reason).inc(len(batch))
        for delivery in reversed(batch):
            delivery.was_lost = True
            if self._stopped:
                self.give_back(delivery)
            else:
                self._gate.put_back(delivery)

    def _apply(self, report: Report, deliveries: Sequence[Delivery]) -> None:
        """Apply the answer of SQS about deliveries."""
        for delivery in deliveries:
            self._apply_to(delivery, report)
        if deliveries:
            self._listener.on_progress()

    def _apply_to(self, delivery: Delivery, report: Report) -> None:
        match report:
            case Report.DELETED:
                self._gate.confirm(delivery)
            case Report.DELETED_TOO_LATE:
                self._gate.confirm(delivery)
                self._drop_lost(delivery)
            case Report.LEASE_LOST:
                self._drop_lost(delivery)
            case Report.QUARANTINED:
                self.finish(delivery)
                if self._stopped:
                    self._acks.flush()
            case Report.QUARANTINE_REFUSED:
                self.give_back(delivery)

    def _drop_lost(self, delivery: Delivery) -> None:
        """Drop a message that SQS delivers again, and give back the later messages of its group."""
        is_set_aside = self._is_set_aside(delivery)
        dropped = self._drop_followers(delivery)
        self._leases.release(other for other in dropped if other is not delivery)
        if is_set_aside:
            self._forget(delivery)

    def _is_set_aside(self, delivery: Delivery) -> bool:
        return delivery in self.failures.held or delivery in self._quarantine

    def _drop_followers(self, delivery: Delivery) -> list[Delivery]:
        """Drop the later messages of a group that wait, or wait to be copied, and return them."""
        to_copy = self._quarantine.drop_from(delivery)[1:]
        for follower in to_copy:
            self._gate.forget(follower)
        return [*to_copy, *self._gate.drop_waiting(delivery.group_id)]

    def _forget(self, delivery: Delivery) -> None:
        """Drop an event that is held, or that is no longer being quarantined."""
        self.failures.held.pop(delivery, None)
        self._gate.forget(delivery)
