"""Settle events that failed: hold and rerun them, charge them, quarantine them, or park them.

`settler` quarantines two other kinds of events: invalid ones, and events that near the retention
while the circuit is open.
"""

import logging
from collections.abc import Callable
from time import monotonic, time
from typing import Any, Protocol

from celery_sqs_fifo.consuming.charging import LOST, Charging
from celery_sqs_fifo.consuming.gate import Gate
from celery_sqs_fifo.consuming.leases import Leases
from celery_sqs_fifo.consuming.parking import Parking
from celery_sqs_fifo.consuming.quarantine import about
from celery_sqs_fifo.delivery import Delivery, Outcome, Result
from celery_sqs_fifo.metrics import metrics
from celery_sqs_fifo.options import Options

logger = logging.getLogger(__name__)


class SettlerListener(Protocol):
    """The part of the consumer that the settler uses."""

    @property
    def is_probing(self) -> bool:
        """Return whether a probe is due or running while the circuit is closed."""

    def on_held(self, delivery: Delivery, outcome: Outcome) -> None:
        """Note that an event failed and is held to run again."""

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

    def add(self, delivery: Delivery, outcome: Outcome) -> None:
        """Quarantine, park or hold an event whose run has just failed."""
        if self.nears_retention(delivery):
            self._quarantine(delivery, outcome)
        elif outcome.result is Result.BUG and self._blocks_all_others(delivery):
            self._park(delivery, outcome)
        else:
            self._hold(delivery, outcome)

    def note_success(self, begun: int) -> None:
        """Charge the failures before the start of this run, which has succeeded."""
        for delivery in self.charging.note_success(begun, held=self._gate):
            # An event that already runs again is charged if it fails once more.
            if delivery in self.held:
                self._charge(delivery, self.held.pop(delivery))

    def nears_retention(self, delivery: Delivery) -> bool:
        """Return whether over 80% of the retention of an event has passed."""
        return self._retention_nears_in(delivery) < 0

    def _hold(self, delivery: Delivery, outcome: Outcome) -> None:
        """Run an event again later. Give back later events of its group, which SQS keeps locked."""
        delivery.failures += 1
        self.charging.note_failure(delivery, outcome)
        logger.warning("event_held", extra=about(delivery, outcome))
        self._leases.release(self._gate.drop_waiting(delivery.group_id))
        self.held[delivery] = outcome
        metrics().held_for_rerun.labels(LOST.reason if outcome is LOST else outcome.result).inc()
        self._run_again_later(delivery)
        self._listener.on_held(delivery, outcome)

    def _run_again_later(self, delivery: Delivery) -> None:
        delay = self._options.backoff.after(delivery.failures)
        self._call_later(delay, self._run_again, delivery)

    def _run_again(self, delivery: Delivery) -> None:
        """Run an event again, or later if a probe is about to decide about its failure."""
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
            self._park(delivery, outcome)

    def _park(self, delivery: Delivery, outcome: Outcome) -> None:
        """Park an event, and give back later events of its group."""
        self._gate.forget(delivery)
        self._leases.release(self._gate.drop_waiting(delivery.group_id))
        self.parking.park(delivery, outcome, retention_nears_in=self._retention_nears_in(delivery))
        self._listener.on_progress()

    def _blocks_all_others(self, delivery: Delivery) -> bool:
        """Return whether the worker is full, and this event has failed often enough to make room.

        A full worker receives nothing, so no other event could get through. With a probe this
        cannot last: it charges the failures, or opens the circuit.
        """
        has_room = self._options.probe or self._gate.held < self._options.max_held
        return not has_room and delivery.failures + 1 >= self._options.max_bug_runs

    def _retention_nears_in(self, delivery: Delivery) -> float:
        return delivery.queued_at / 1000 - retention_nears_for(self._options.retention)


def retention_nears_for(retention: float) -> float:
    """Return the Unix time at which 80% of the retention of messages queued then has passed."""
    return time() - 0.8 * retention
