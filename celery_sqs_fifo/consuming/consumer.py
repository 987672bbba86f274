"""Consume one queue: receive messages, order them in the gate, and hand batches to the pool.

`stop` and `close` end it gracefully; `deadline` bounds the whole shutdown.
"""

import logging
from collections.abc import Callable, Sequence
from math import inf
from time import monotonic, time
from typing import Any

from celery_sqs_fifo.consuming.batch_size import choose_batch_size
from celery_sqs_fifo.consuming.causes import CauseNumbers
from celery_sqs_fifo.consuming.charging import cause_of
from celery_sqs_fifo.consuming.circuit import Circuit
from celery_sqs_fifo.consuming.gate import Gate
from celery_sqs_fifo.consuming.liveness import Liveness
from celery_sqs_fifo.consuming.receiver import Receiver
from celery_sqs_fifo.consuming.settler import Settler
from celery_sqs_fifo.consuming.sqs_calls import Calls
from celery_sqs_fifo.delivery import DONE, Delivery, Outcome, Result
from celery_sqs_fifo.errors import error_location
from celery_sqs_fifo.metrics import OBSERVE_EVERY, ConsumerState, consumer_gauges, metrics
from celery_sqs_fifo.options import Options
from celery_sqs_fifo.running.envelope import Envelope
from celery_sqs_fifo.running.pointers import NotAllowed

logger = logging.getLogger(__name__)


class QueueConsumer:
    """Consumes one queue on the worker's event loop. Only `stop` blocks.

    `room` returns how many more Celery messages the pool takes, and `hand_over` passes it one. The
    caller calls `settle` for each message that was handed over.
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
        self._room = room
        self._hand_over = hand_over
        self._gate = Gate()
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
            backoff=options.backoff,
            call_later=hub.call_later,
            run_probe=self._run_probe if options.probe else None,
            needs_probe=lambda: self._settler.failures.charging.has_uncharged,
            on_closed=self._run_ready,
        )
        self._receiver = Receiver(
            calls=calls,
            queue_url=queue_url,
            wait_time=options.wait_time,
            visibility_timeout=options.visibility_timeout,
            backoff=options.backoff,
            call_later=hub.call_later,
            wants_more=self._wants_more,
            on_received=self._on_received,
        )
        self._liveness = Liveness(options.liveness_file, is_alive=self._is_alive)
        # The batches that the pool has, by delivery tag. The batch of a probe is empty.
        self._running: dict[str, list[Delivery]] = {}
        self._probe_begun = 0
        self._timers: list[Any] = []
        self._found_old_at = -inf
        self._stopped = False

    @property
    def running(self) -> int:
        """Return how many Celery messages the pool has: batches, pointers, and a probe."""
        return len(self._running)

    def start(self) -> None:
        """Start to renew leases and to receive. If a probe is configured, it runs first."""
        self._timers = [
            self._hub.call_repeatedly(
                self._options.visibility_timeout / 4, self._settler.keep_leases
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
        batch = self._running.pop(tag, None)
        if batch is None:
            return
        if self._envelope.is_probe(tag):
            if outcomes == DONE:
                self._settler.failures.note_success(self._probe_begun)
            self._circuit.on_probed(succeeded=outcomes == DONE)
            self._run_ready()
            return
        if isinstance(outcomes, Outcome):
            outcomes = [outcomes] * len(batch)
        self._settler.settle(batch, outcomes)
        self._run_ready()

    def release_running(self, tag: str) -> None:
        """Give back a batch that the pool will never settle, as in a cold shutdown."""
        batch = self._running.pop(tag, [])
        for delivery in batch:
            self._gate.forget(delivery)
        self._settler.release(batch)

    def stop(self, *, at_once: bool = True) -> None:
        """Stop receiving, and give back all messages that are not running.

        With `at_once`, return only after the open SQS calls have ended, but after no more than
        `wait_time` plus one second. Messages that the open long poll still receives are given back
        too. Pass False if only the consumer stops and the worker continues.
        """
        self._calls.wait = self._calls.wait or at_once
        if not self._stopped:
            self._stopped = True
            self._settler.stop()
        if not at_once:
            return
        deadline = monotonic() + self._options.wait_time + 1
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

    def on_held(self, delivery: Delivery, outcome: Outcome) -> None:
        """See SettlerListener."""
        if outcome.result is Result.UNAVAILABLE:
            self._circuit.note_unavailable(delivery.group_id, error=outcome.error)
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
        """Return the causes of this hour's charged failures, with their numbers."""
        return self._settler.failures.parking.causes()

    def release_cause(self, cause: str) -> int:
        """Reset the quota of a cause, make its parked events visible, and return their number."""
        return self._settler.failures.parking.release(cause)

    def _wants_more(self) -> bool:
        if self._stopped or self._gate.held >= self._options.max_held:
            return False
        if self._circuit.is_open:
            return self._may_check_retention()
        return self._gate.ready < self._room() + self._options.lookahead

    def _may_check_retention(self) -> bool:
        """Return whether to receive while the circuit is open, to look for events near retention.

        One receive in `retention_check_every` seconds is enough. After one has found such events,
        their groups may have more, which SQS keeps locked for a moment: continue to receive.
        """
        now = monotonic()
        found_recently = now - self._found_old_at < self._options.visibility_timeout
        return (
            found_recently
            or now - self._receiver.last_success >= self._options.retention_check_every
        )

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
        self._settler.flush_awaited(delivery.group_id for delivery in deliveries)
        self._run_ready()

    def _run_ready(self) -> None:
        if self._circuit.is_open and not self._stopped:
            self._quarantine_near_retention()
        while not self._stopped and not self._circuit.is_open and self._room() > 0:
            batch = self._gate.take(
                max_events=choose_batch_size(
                    next_run=self._gate.next_run,
                    ready_groups=self._gate.ready,
                    runnable=self._gate.runnable,
                    free_processes=self._room(),
                    limit=self._options.batch_size,
                ),
                max_bytes=self._options.max_batch_bytes,
            )
            if not batch:
                break
            self._run(self._settler.release_nearly_over(batch))
        self._receiver.receive()

    def _quarantine_near_retention(self) -> None:
        """Quarantine old events: an outage may last longer than the queue's retention."""
        if self._settler.quarantine_near_retention():
            self._found_old_at = monotonic()

    def _run(self, batch: list[Delivery]) -> None:
        if not batch:
            return
        first = batch[0]
        if self._envelope.is_stale_tick(first, now=time()):
            self._settler.finish(first)
            return
        try:
            message = self._envelope.message(batch)
        except NotAllowed as error:
            refusal = Outcome(Result.INVALID, "not_allowed", str(error))
            self._settler.quarantine(first, refusal)
            return
        self._running[first.receipt_handle] = batch
        self._settler.failures.charging.begin(batch)
        metrics().batch_size.observe(len(batch))
        try:
            self._hand_over(message)
        except Exception as error:
            logger.error("pool_refused_message", extra={"error": error_location(error)})
            del self._running[first.receipt_handle]
            self._settler.settle(batch, None)

    def _observe(self) -> None:
        """Record the state for the metrics, because a scrape runs in another thread."""
        queued_at = min((delivery.queued_at / 1000 for delivery in self._gate), default=None)
        running = [delivery.group_id for batch in self._running.values() for delivery in batch]
        observed = ConsumerState(
            held=self._gate.held,
            running_tasks=len(self._running),
            running_groups=len(set(running)),
            ready_groups=self._gate.ready,
            circuit_is_open=self._circuit.is_open,
            last_received_at=time() - (monotonic() - self._receiver.last_success),
            receive_lag=self._receiver.lag,
            oldest_held_at=queued_at,
        )
        consumer_gauges.note(self._queue_name, observed)

    def _run_probe(self) -> None:
        """Run the probe in a pool process, because the pool processes use the dependencies."""
        if not self._stopped:
            tag, message = self._envelope.probe(self._options.probe)
            self._running[tag] = []
            self._probe_begun = self._settler.failures.charging.begin()
            try:
                self._hand_over(message)
            except Exception as error:
                logger.error("pool_refused_message", extra={"error": error_location(error)})
                self.settle(tag, None)
