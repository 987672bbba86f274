"""Settle events that failed: hold and rerun them, charge them, quarantine them, or park them.

`settler` itself quarantines invalid events. While the circuit is open, it also quarantines events
that are close to the end of their retention.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import monotonic, time
from typing import Any, Protocol

from celery_sqs_fifo.consuming.causes import seconds_until_room
from celery_sqs_fifo.consuming.charging import LOST, Charging
from celery_sqs_fifo.consuming.gate import Gate
from celery_sqs_fifo.consuming.leases import Leases
from celery_sqs_fifo.consuming.parking import Parking
from celery_sqs_fifo.consuming.quarantine import about
from celery_sqs_fifo.delivery import DONE, Delivery, Outcome, Result
from celery_sqs_fifo.metrics import metrics
from celery_sqs_fifo.options import Options

logger = logging.getLogger(__name__)

# The outcome of a message that is parked before it ran.
EXCESS = Outcome(Result.UNAVAILABLE, "unavailable", "too many messages are set aside")


# In seconds.
UNKNOWN_POINTER_DELAY = 30


class SettlerListener(Protocol):
    """The part of the consumer that the settler uses."""

    @property
    def is_probing(self) -> bool:
        """Return whether a probe is due or running while the circuit is closed."""

    def on_failed(self, delivery: Delivery, outcome: Outcome) -> None:
        """Note that an event failed, and is held or parked to run again."""

    def on_progress(self) -> None:
        """Run other events that have become able to run."""


class Failures:
    """Events that failed and are held. They are out of the gate, and no pool process has them."""

    def __init__(
        self,
        *,
        gate: Gate,
        leases: Leases,
        options: Options,
        call_later: Callable[..., Any],
        listener: SettlerListener,
        quarantine: Callable[[Delivery, Outcome], None],
    ) -> None:
        self._gate = gate
        self._leases = leases
        self._options = options
        self._call_later = call_later
        self._listener = listener
        self._quarantine = quarantine
        self.charging = Charging(max_runs=options.max_bug_runs)
        self.parking = Parking(leases=leases, options=options, now=monotonic)
        # The held events, and the outcomes of their latest runs.
        self.held: dict[Delivery, Outcome] = {}

    @property
    def set_aside(self) -> int:
        """Return how many messages are held after a failure, or wait in groups of suspects."""
        return len(self.held) + self._gate.waiting_of_suspects

    def add(self, delivery: Delivery, outcome: Outcome) -> None:
        """Quarantine, hold or park an event whose run has just failed.

        It is parked if too many messages are set aside already.
        """
        outcome = self._judged(delivery, outcome)
        if self.nears_retention(delivery):
            self._quarantine(delivery, outcome)
            return
        logger.warning("event_held", extra=about(delivery, outcome))
        reason = LOST.reason if outcome is LOST else outcome.result
        metrics().held_for_rerun.labels(reason).inc()
        if self.set_aside < self._options.max_set_aside:
            self._hold(delivery, outcome)
        else:
            self._park(delivery, outcome, wait=_seconds_until_room(delivery))
        self._listener.on_failed(delivery, outcome)

    def park_excess(self) -> None:
        """Give back or park messages of suspects if too many are set aside.

        It starts with the scope that has the most groups. Of a group, the later messages are given
        back first; SQS keeps them locked. An event close to the end of its retention stays, because
        it could not be parked for long.
        """
        while self._gate.suspects and self.set_aside > self._options.max_set_aside:
            group_id = self._gate.newest_suspect
            if followers := self._gate.drop_followers(group_id):
                self._leases.release(followers)
                continue
            if self.nears_retention(self._gate.waiting(group_id)[0]):
                return
            (first,) = self._gate.drop_waiting(group_id)
            self._park_on_sqs(first, EXCESS, wait=_seconds_until_room(first))

    def _judged(self, delivery: Delivery, outcome: Outcome) -> Outcome:
        """Return the outcome, changed to an unexpected failure if the event is its likely cause."""
        delivery.limits_hit = delivery.limits_hit + 1 if outcome.may_be_own else 0
        if delivery.limits_hit < self._options.max_bug_runs:
            return outcome
        return replace(outcome, result=Result.BUG)

    def note_success(self, begun: int, *, proves: Callable[[Delivery], bool]) -> None:
        """Charge the failures before the start of this run, which has succeeded.

        See `Charging.note_success`.
        """
        for delivery in self.charging.note_success(begun, held=self._gate, proves=proves):
            # An event that already runs again is not in `held`. It is quarantined or parked if it
            # fails again.
            if delivery in self.held:
                self._charge(delivery, self.held.pop(delivery))

    def note_probed(self, begun: int, outcomes: Outcome | Sequence[Outcome] | None) -> bool:
        """Apply the outcomes of a probe (see `Options.probe`), and return whether it succeeded.

        None means that the process that ran it was lost.
        """
        first, *others = [outcomes] if isinstance(outcomes, Outcome) else outcomes or [LOST]
        if first != DONE:
            return False
        failed_kinds = {outcome.reason for outcome in others}
        self.note_success(begun, proves=lambda failed: failed.kind not in failed_kinds)
        return True

    def leave_to_others(self, delivery: Delivery) -> None:
        """Make a pointer that this release does not know invisible for a while, and lock its group.

        Another worker may then receive it. Without the delay, this worker would receive it again at
        once.
        """
        self._gate.forget(delivery)
        self._leases.release(self._gate.drop_waiting(delivery.group_id))
        self._leases.park(delivery, UNKNOWN_POINTER_DELAY)
        ids = {**delivery.labels, "message_id": delivery.message_id}
        logger.warning("pointer_unknown", extra={**ids, "seconds": UNKNOWN_POINTER_DELAY})
        self._listener.on_progress()

    def nears_retention(self, delivery: Delivery) -> bool:
        """Return whether over 80% of the retention of an event has passed."""
        return self._retention_nears_in(delivery) < 0

    def _hold(self, delivery: Delivery, outcome: Outcome) -> None:
        """Run an event again later. Give back the rest of its group, which SQS keeps locked."""
        delivery.failures += 1
        delivery.failing_since = delivery.failing_since or time()
        delivery.failure = outcome
        self.charging.note_failure(delivery, outcome)
        self._leases.release(self._gate.drop_waiting(delivery.group_id))
        self.held[delivery] = outcome
        self._run_again_later(delivery)

    def _run_again_later(self, delivery: Delivery) -> None:
        delay = self._options.backoff.after(delivery.failures)
        self._call_later(delay, self._run_again, delivery)

    def _run_again(self, delivery: Delivery) -> None:
        """Run an event again, or wait for a pending probe if its failure is not charged yet."""
        is_uncharged = delivery.failed_after is not None
        if delivery in self.held and is_uncharged and self._listener.is_probing:
            self._run_again_later(delivery)
        elif self.held.pop(delivery, None):
            self._gate.put_back(delivery)
            self._listener.on_progress()

    def _charge(self, delivery: Delivery, outcome: Outcome) -> None:
        """Quarantine an event that has used up its runs, or park it if the quota is used up."""
        if self.nears_retention(delivery) or self.parking.may_quarantine(outcome):
            self._quarantine(delivery, outcome)
        else:
            wait = self._options.parking_delay.after(delivery.receive_count)
            self._park(delivery, outcome, wait=wait)

    def _park(self, delivery: Delivery, outcome: Outcome, *, wait: float) -> None:
        """Park an event, and give back later events of its group."""
        self._gate.forget(delivery)
        self._leases.release(self._gate.drop_waiting(delivery.group_id))
        self._park_on_sqs(delivery, outcome, wait=wait)
        self._listener.on_progress()

    def _park_on_sqs(self, delivery: Delivery, outcome: Outcome, *, wait: float) -> None:
        nears_in = self._retention_nears_in(delivery)
        self.parking.park(delivery, outcome, wait=wait, retention_nears_in=nears_in)

    def _retention_nears_in(self, delivery: Delivery) -> float:
        return delivery.queued_at / 1000 - retention_nears_for(self._options.retention)


def _seconds_until_room(delivery: Delivery) -> float:
    return seconds_until_room(age=time() - delivery.queued_at / 1000)


def retention_nears_for(retention: float) -> float:
    """Return a Unix time: messages queued before it have used over 80% of their retention."""
    return time() - 0.8 * retention
