"""Consume one queue: receive messages, order them in the gate, and hand batches to the pool.

`stop` and `close` end it gracefully; `deadline` bounds the whole shutdown.
"""

import logging
from collections.abc import Callable, Sequence
from time import monotonic, time
from typing import Any

from celery_sqs_fifo.consuming.causes import CauseNumbers
from celery_sqs_fifo.consuming.charging import cause_of
from celery_sqs_fifo.consuming.circuit import Circuit
from celery_sqs_fifo.consuming.dispatch import Dispatch
from celery_sqs_fifo.consuming.held import HeldEvents, report_held
from celery_sqs_fifo.consuming.liveness import Liveness
from celery_sqs_fifo.consuming.receiver import Receiver
from celery_sqs_fifo.consuming.retention import RetentionChecks
from celery_sqs_fifo.consuming.settler import Settler
from celery_sqs_fifo.consuming.sqs_calls import Calls
from celery_sqs_fifo.consuming.ticks import is_superseded
from celery_sqs_fifo.delivery import Delivery, Outcome, Result
from celery_sqs_fifo.errors import error_location
from celery_sqs_fifo.metrics import OBSERVE_EVERY, ConsumerState, consumer_gauges, metrics
from celery_sqs_fifo.options import Options
from celery_sqs_fifo.running.envelope import Envelope
from celery_sqs_fifo.running.pointers import NotAllowed

logger = logging.getLogger(__name__)


class QueueConsumer:
    """Consumes one queue on the worker's event loop. Only `stop` blocks.

    `room` returns how many more Celery messages the pool can take, and `hand_over` passes it one.
    The caller calls `settle` for each message that was handed over.
    """

    def __init__(
        self,
        *,
        queue_url: str,
        options: Options,
        calls: Calls,
        envelope: Envelope,
        hub: Any,
        room: Callable[[], int],
        hand_over: Callable[[dict[str, Any]], None],
    ) -> None:
        self._queue_name = queue_url.rpartition("/")[2]
        self._options = options
        self._calls = calls
        self._envelope = envelope
        self._hub = hub
        self._hand_over = hand_over
        self._dispatch = Dispatch(
            options=options,
            room=room,
            now=monotonic,
            call_later=hub.call_later,
            on_rested=self._run_ready,
        )
        self._gate = self._dispatch.gate
        self._runs = self._dispatch.runs
        self._settler = Settler(
            gate=self._gate,
            queue_url=queue_url,
            options=options,
            calls=calls,
            call_later=hub.call_later,
            listener=self,
        )
        self._circuit = Circuit(
            now=monotonic,
            threshold=options.circuit_threshold,
            window=options.circuit_window,
            backoff=options.probe_backoff,
            call_later=hub.call_later,
            run_probe=self._run_probe if options.probe else None,
            needs_probe=lambda: self._settler.failures.charging.has_uncharged,
            on_closed=self._on_circuit_closed,
        )
        self._receiver = Receiver(
            calls=calls,
            queue_url=queue_url,
            wait_time=options.poll_seconds,
            gather_for=options.gather_for,
            visibility_timeout=options.visibility_timeout,
            backoff=options.backoff,
            call_later=hub.call_later,
            wants_more=self._wants_more,
            on_received=self._on_received,
        )
        self._liveness = Liveness(options.liveness_file, self._queue_name, is_alive=self._is_alive)
        self._probe_begun = 0
        self._timers: list[Any] = []
        self._retention_checks = RetentionChecks(options=options, now=monotonic)
        self._stopped = False

    @property
    def running(self) -> int:
        """Return how many Celery messages the pool has: batches, pointers, and a probe."""
        return len(self._runs)

    @property
    def leased(self) -> list[Delivery]:
        """Return the messages whose leases must not run out."""
        return self._settler.leased

    def start(self) -> None:
        """Start to renew leases and to receive. If a probe is configured, it runs first."""
        metrics().begin_reasons(self._envelope.reasons)
        self._timers = [
            # Leases are renewed when half of them has passed. A renewal that SQS refuses is
            # repeated several times before the lease ends.
            self._hub.call_repeatedly(
                self._options.visibility_timeout / 10, self._settler.keep_leases
            ),
            self._hub.call_repeatedly(OBSERVE_EVERY, self._observe),
        ]
        self._observe()
        self._liveness.start(self._hub)
        self._hub.call_soon(self._circuit.start)

    def settle(self, tag: str, outcomes: Outcome | Sequence[Outcome] | None) -> None:
        """Settle a Celery message with an outcome for each of its events, or with one for all.

        None means that the process that ran it was lost.
        """
        run = self._runs.end(tag)
        if run is None:
            return
        if self._envelope.is_probe(tag):
            succeeded = self._settler.failures.note_probed(self._probe_begun, outcomes)
            self._circuit.on_probed(succeeded=succeeded)
            self._run_ready()
            return
        if isinstance(outcomes, Outcome):
            outcomes = [outcomes] * len(run.batch)
        self._dispatch.note_outcomes(run, outcomes)
        self._settler.settle(run.batch, outcomes)
        self._run_ready()

    def release_running(self, tag: str) -> None:
        """Give back a batch that the pool will never settle, as in a cold shutdown."""
        run = self._runs.end(tag)
        batch = run.batch if run else ()
        for delivery in batch:
            self._gate.forget(delivery)
        self._settler.release(batch)

    def stop(self, *, at_once: bool = True) -> None:
        """Stop receiving, and give back all messages that are not running.

        With `at_once`, wait until the open SQS calls have ended, for at most the length of a long
        poll plus one second. Messages that the open long poll still receives are given back too. If
        the worker itself continues, pass False: then this function does not wait.
        """
        self._calls.wait = self._calls.wait or at_once
        if not self._stopped:
            self._stopped = True
            self._settler.stop()
        if not at_once:
            return
        deadline = monotonic() + self._options.poll_seconds + 1
        while self._calls.open and monotonic() < deadline:
            self._hub.run_once()

    def close(self) -> None:
        """Delete the messages that finished since `stop`, and log the number of SQS calls."""
        self._settler.flush()
        self._liveness.stop()
        for timer in self._timers:
            timer.cancel()
        self._calls.close()
        consumer_gauges.forget(self._queue_name)
        logger.info("consumer_stopped", extra={"sqs_calls": dict(self._calls.counts)})

    def on_failed(self, delivery: Delivery, outcome: Outcome) -> None:
        """See SettlerListener."""
        if outcome.result is Result.UNAVAILABLE:
            # A locked row counts once, however many groups need it.
            scope = delivery.scope if outcome.is_local else ""
            self._circuit.note_unavailable(
                scope or delivery.group_id, error=outcome.error, may_be_own=outcome.may_be_own
            )
        else:
            self._circuit.note_unexpected(delivery.group_id, cause=cause_of(outcome))

    @property
    def is_probing(self) -> bool:
        """See SettlerListener."""
        return self._circuit.is_in_doubt

    def on_progress(self) -> None:
        """See SettlerListener."""
        self._run_ready()

    def causes(self) -> list[CauseNumbers]:
        """Return each cause that has recent dead letters or parked events (CauseNumbers)."""
        return self._settler.failures.parking.causes()

    def held_events(self) -> HeldEvents:
        """Return a report about the events that failed and will run again."""
        return report_held(self._gate, now=time())

    def release_cause(self, cause: str) -> int:
        """Reset the quota of a cause, make its parked events visible, and return their number."""
        return self._settler.failures.parking.release(cause)

    def _wants_more(self) -> bool:
        if self._stopped or self._settler.counted >= self._options.max_held:
            return False
        if self._circuit.is_open:
            return self._retention_checks.is_due(last_success=self._receiver.last_success)
        return self._dispatch.wants_more

    def _is_alive(self) -> bool:
        """Return whether a receive succeeded lately, or there is a reason not to receive."""
        received = monotonic() - self._receiver.last_success < self._options.receive_within
        return received or self._circuit.is_open or not self._wants_more()

    def _on_received(self, deliveries: list[Delivery]) -> None:
        if self._stopped:
            self._settler.release(deliveries)
            return
        for delivery in deliveries:
            self._envelope.classify(delivery)
            self._gate.admit(delivery)
        self._dispatch.has_backlog = self._receiver.has_backlog
        self._settler.flush_awaited(delivery.group_id for delivery in deliveries)
        self._run_ready()

    def _on_circuit_closed(self) -> None:
        self._dispatch.note_probe_succeeded()
        self._run_ready()

    def _run_ready(self) -> None:
        is_open = self._circuit.is_open and not self._stopped
        if is_open and self._settler.quarantine_near_retention():
            self._retention_checks.note_found()
        self._settler.failures.park_excess()
        while not self._stopped and not self._circuit.is_open and self._dispatch.has_room:
            batch, is_of_suspect = self._dispatch.next_batch()
            if not batch:
                break
            self._run(self._settler.release_nearly_over(batch), is_of_suspect=is_of_suspect)
        self._receiver.receive()

    def _run(self, batch: list[Delivery], *, is_of_suspect: bool) -> None:
        if not batch:
            return
        first = batch[0]
        if first.tick and is_superseded(
            first, followers=self._gate.waiting(first.group_id), now=time()
        ):
            metrics().ticks_dropped.labels(first.tick).inc()
            self._settler.finish(first)
            return
        try:
            message = self._envelope.message(batch)
        except NotAllowed as error:
            self._settler.refuse(first, error)
            return
        self._settler.failures.charging.begin(batch)
        metrics().batch_size.observe(len(batch))
        self._runs.begin(first.receipt_handle, batch, is_of_suspect=is_of_suspect)
        if not self._is_handed_over(message):
            self._runs.end(first.receipt_handle)
            self._settler.settle(batch, None)

    def _is_handed_over(self, message: dict[str, Any]) -> bool:
        """Hand a message to the pool, and return whether the pool has accepted it."""
        try:
            self._hand_over(message)
        except Exception as error:
            logger.error("pool_refused_message", extra={"error": error_location(error)})
            return False
        return True

    def _observe(self) -> None:
        """Record the state for the metrics, because a scrape runs in another thread."""
        queued_at = min((delivery.queued_at / 1000 for delivery in self._gate), default=None)
        observed = ConsumerState(
            observed_at=time(),
            held=self._gate.held,
            set_aside=self._settler.failures.set_aside,
            undeleted=self._settler.undeleted,
            running_tasks=len(self._runs),
            running_groups=len(self._runs.groups),
            ready_groups=self._gate.ready,
            circuit_is_open=self._circuit.is_open,
            last_received_at=time() - (monotonic() - self._receiver.last_success),
            receive_lag=self._receiver.lag,
            oldest_held_at=queued_at,
            wants_more=self._wants_more(),
            failing_calls=self._calls.failing.copy(),
            credentials_expire_at=self._calls.credentials_expire_at,
            causes=self.causes(),
        )
        consumer_gauges.note(self._queue_name, observed)

    def _run_probe(self) -> None:
        """Run the probe in a pool process, because the pool processes use the dependencies."""
        if not self._stopped:
            tag, message = self._envelope.probe(self._options.probe)
            self._probe_begun = self._settler.failures.charging.begin()
            self._runs.begin(tag, (), is_of_suspect=False)
            if not self._is_handed_over(message):
                self.settle(tag, None)
