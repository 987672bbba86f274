"""Receiving from one queue, running what may run, and settling how it ended."""

import logging
from collections.abc import Callable, Iterable, Sequence
from time import monotonic, time
from typing import Any

from tasks.sqs_fifo.acks import Acks
from tasks.sqs_fifo.calls import Calls
from tasks.sqs_fifo.circuit import Circuit
from tasks.sqs_fifo.delivery import DONE, Delivery, Outcome, Result
from tasks.sqs_fifo.envelope import Envelope, NotAllowed
from tasks.sqs_fifo.gate import Gate
from tasks.sqs_fifo.liveness import Liveness
from tasks.sqs_fifo.options import Options
from tasks.sqs_fifo.quarantine import Quarantine, about
from tasks.sqs_fifo.receiver import Receiver
from tasks.sqs_fifo.visibility import Visibility

logger = logging.getLogger(__name__)

LOST = Outcome(Result.BUG, "lost", "the process that ran it was lost, or it ran into a time limit")


class QueueConsumer:
    """Consumes one queue: receive, let the gate order, hand to the pool, settle, delete.

    Runs on the worker's event loop; nothing here waits, except at shutdown.
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
        self._options = options
        self._calls = calls
        self._envelope = envelope
        self._hub = hub
        self._room = room
        self._hand_over = hand_over
        self._gate = Gate()
        self._circuit = Circuit(
            now=monotonic,
            threshold=options.circuit_threshold,
            window=options.circuit_window,
            backoff=options.backoff,
            call_later=hub.call_later,
            run_probe=self._run_probe if options.probe else None,
            on_closed=self._run_what_may_run,
        )
        self._acks = Acks(
            calls=calls,
            queue_url=queue_url,
            flush_after=options.flush_deletes_after,
            call_later=hub.call_later,
            on_deleted=self._on_deleted,
            on_too_late=self._on_too_late,
        )
        self._visibility = Visibility(
            calls=calls,
            queue_url=queue_url,
            timeout=options.visibility_timeout,
            now=monotonic,
            on_lost=self._on_lease_lost,
        )
        self._quarantine = Quarantine(
            calls=calls,
            queue_url=options.dead_letter_queue_url,
            largest_message=options.largest_message,
            backoff=options.backoff,
            call_later=hub.call_later,
            on_quarantined=self._on_quarantined,
            on_refused=self._on_quarantine_refused,
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
        # What the pool has, by delivery tag; a probe has no deliveries.
        self._running: dict[str, list[Delivery]] = {}
        # What is taken from the gate but not with the pool: held, or being quarantined.
        self._parked: set[Delivery] = set()
        self._stopped = False
        self._heartbeat: Any = None
        self._liveness = (
            Liveness(options.liveness_file, is_alive=self._is_alive)
            if options.liveness_file
            else None
        )

    @property
    def running(self) -> int:
        """How many messages of Celery's the pool has: bundles, pointers, a probe."""
        return len(self._running)

    def start(self) -> None:
        """Begin to receive, after a probe if there is one, and to keep leases."""
        self._heartbeat = self._hub.call_repeatedly(
            self._options.visibility_timeout / 4, self._keep_leases
        )
        if self._liveness:
            self._liveness.start(self._hub)
        self._hub.call_soon(self._circuit.start)

    def settle(self, tag: str, outcomes: Outcome | Sequence[Outcome] | None) -> None:
        """The pool is done with a bundle: an outcome for each event, or one for all.

        Without outcomes, the process that had it was lost.
        """
        bundle = self._running.pop(tag, None)
        if bundle is None:
            return
        if self._envelope.is_probe(tag):
            self._circuit.on_probed(succeeded=outcomes == DONE)
        elif outcomes is None and len(bundle) > 1:
            self._run_one_by_one(bundle)
        else:
            outcomes = LOST if outcomes is None else outcomes
            if isinstance(outcomes, Outcome):
                outcomes = [outcomes] * len(bundle)
            for delivery, outcome in zip(bundle, outcomes, strict=True):
                self._settle_one(delivery, outcome)
        self._run_what_may_run()

    def release_running(self, tag: str) -> None:
        """Give back what the pool will never settle (cold shutdown)."""
        bundle = self._running.pop(tag, [])
        for delivery in bundle:
            self._gate.forget(delivery)
        self._visibility.release(bundle)

    def stop(self) -> None:
        """Receive no more, and give back all that is not running, at once.

        Returns when the open long poll has ended: what SQS handed to it is given back too.
        """
        if self._stopped:
            return
        self._stopped = True
        self._calls.wait = True
        parked = list(self._parked)
        for delivery in parked:
            self._forget_parked(delivery)
        waiting = [d for group in self._gate.group_ids for d in self._gate.drop_waiting(group)]
        self._visibility.release([*parked, *waiting])
        self._acks.flush()
        give_up_at = monotonic() + self._options.wait_time + 1
        while self._calls.open and monotonic() < give_up_at:
            self._hub.run_once()

    def close(self) -> None:
        """Delete what has finished since `stop`, and say what consuming has cost."""
        self._acks.flush()
        if self._heartbeat:
            self._heartbeat.cancel()
        if self._liveness:
            self._liveness.stop()
        logger.info("stopped consuming", extra={"sqs_calls": dict(self._calls.counts)})

    def _wants_more(self) -> bool:
        return (
            not self._stopped
            and not self._circuit.is_open
            and self._gate.ready < self._room() + self._options.lookahead
            and self._gate.held < self._options.most_held
        )

    def _is_alive(self) -> bool:
        """Receives, or has a reason not to: dependencies that are down, or enough to do."""
        received = monotonic() - self._receiver.last_success < self._options.receive_within
        return received or self._circuit.is_open or not self._wants_more()

    def _on_received(self, deliveries: list[Delivery]) -> None:
        if self._stopped:
            self._visibility.release(deliveries)
            return
        for delivery in deliveries:
            self._envelope.classify(delivery)
            self._gate.admit(delivery)
        self._flush_if_awaited(delivery.group_id for delivery in deliveries)
        self._run_what_may_run()

    def _run_what_may_run(self) -> None:
        while not self._stopped and not self._circuit.is_open and self._room() > 0:
            bundle = self._gate.take(most=self._bundle_size(), largest=self._options.largest_bundle)
            if not bundle:
                break
            self._run(bundle)
        self._receiver.receive()

    def _bundle_size(self) -> int:
        """One while a process is free for each; under backlog, as many as share them out."""
        share = -(-self._gate.runnable // self._room())
        return max(1, min(share, self._options.bundle))

    def _run(self, bundle: list[Delivery]) -> None:
        leased = [d for d in bundle if not self._visibility.is_nearly_over(d)]
        for delivery in bundle:
            if delivery not in leased:
                self._give_back(delivery)
        if not leased:
            return
        first = leased[0]
        if self._envelope.is_stale_tick(first, now=time()):
            self._finish(first)
            return
        try:
            message = self._envelope.message(leased)
        except NotAllowed as error:
            self._send_to_quarantine(first, Outcome(Result.INVALID, "not_allowed", str(error)))
            return
        self._running[first.receipt_handle] = leased
        self._hand_over(message)

    def _settle_one(self, delivery: Delivery, outcome: Outcome) -> None:
        match outcome.result:
            case Result.DONE:
                self._finish(delivery)
            case Result.INVALID:
                self._send_to_quarantine(delivery, outcome)
            case Result.BUG if delivery.failures + 1 >= self._options.most_bugs:
                self._send_to_quarantine(delivery, outcome)
            case Result.UNAVAILABLE if self._nears_retention(delivery):
                self._send_to_quarantine(delivery, outcome)
            case Result.WAITING:
                self._give_back(delivery)
            case _:
                self._hold(delivery, outcome)

    def _run_one_by_one(self, bundle: list[Delivery]) -> None:
        """Nobody knows which of them took the process down."""
        logger.warning("a process was lost with a bundle", extra={"messages": len(bundle)})
        for delivery in reversed(bundle):
            delivery.was_lost = True
            if self._stopped:
                self._give_back(delivery)
            else:
                self._gate.put_back(delivery)

    def _finish(self, delivery: Delivery) -> None:
        self._gate.finish(delivery)
        self._acks.add(delivery)
        self._flush_if_awaited([delivery.group_id])

    def _send_to_quarantine(self, delivery: Delivery, outcome: Outcome) -> None:
        self._parked.add(delivery)
        self._quarantine.send(delivery, outcome)

    def _on_quarantined(self, delivery: Delivery) -> None:
        if delivery in self._parked:
            self._parked.remove(delivery)
            self._finish(delivery)
            self._run_what_may_run()

    def _on_quarantine_refused(self, delivery: Delivery) -> None:
        if delivery in self._parked:
            self._parked.remove(delivery)
            self._give_back(delivery)

    def _flush_if_awaited(self, group_ids: Iterable[str]) -> None:
        if any(self._gate.waits_for_deletes(group_id) for group_id in group_ids):
            self._acks.flush()

    def _hold(self, delivery: Delivery, outcome: Outcome) -> None:
        """Run it again in its place, later. Its followers go back: SQS keeps the group locked."""
        if self._stopped:
            self._give_back(delivery)
            return
        delivery.failures += 1
        logger.warning("held, to be run again", extra=about(delivery, outcome))
        self._visibility.release(self._gate.drop_waiting(delivery.group_id))
        self._parked.add(delivery)
        self._hub.call_later(
            self._options.backoff.after(delivery.failures), self._run_again, delivery
        )
        if outcome.result is Result.UNAVAILABLE:
            self._circuit.note_unavailable(delivery.group_id, error=outcome.error)

    def _run_again(self, delivery: Delivery) -> None:
        if delivery in self._parked:
            self._parked.remove(delivery)
            self._gate.put_back(delivery)
            self._run_what_may_run()

    def _run_probe(self) -> None:
        """Have a pool process ask whether the dependencies work: it is one that uses them."""
        if not self._stopped:
            tag, message = self._envelope.probe(self._options.probe)
            self._running[tag] = []
            self._hand_over(message)

    def _give_back(self, delivery: Delivery) -> None:
        """Let SQS deliver this taken message, and what waits behind it, again."""
        self._gate.forget(delivery)
        followers = self._gate.drop_waiting(delivery.group_id)
        self._visibility.release([delivery, *followers])

    def _forget_parked(self, delivery: Delivery) -> None:
        self._parked.remove(delivery)
        self._gate.forget(delivery)

    def _keep_leases(self) -> None:
        too_old = monotonic() - self._options.longest_hold
        for delivery in [parked for parked in self._parked if parked.received_at < too_old]:
            self._parked.remove(delivery)
            self._give_back(delivery)
        self._visibility.extend([*self._gate, *self._acks.undeleted])

    def _nears_retention(self, delivery: Delivery) -> bool:
        return time() - delivery.queued_at / 1000 > 0.8 * self._options.retention

    def _on_lease_lost(self, delivery: Delivery) -> None:
        """SQS delivers it again, so nothing after it may run from here."""
        dropped = self._gate.drop_waiting(delivery.group_id)
        self._visibility.release(other for other in dropped if other is not delivery)
        if delivery in self._parked:
            self._forget_parked(delivery)

    def _on_deleted(self, delivery: Delivery) -> None:
        self._gate.confirm(delivery)
        self._run_what_may_run()

    def _on_too_late(self, delivery: Delivery) -> None:
        self._gate.confirm(delivery)
        self._on_lease_lost(delivery)
