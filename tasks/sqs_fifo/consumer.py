"""Receiving from one queue, running what may run, and settling how it ended."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from tasks.sqs_fifo.acks import Acks
from tasks.sqs_fifo.calls import Answer, Calls
from tasks.sqs_fifo.deadletters import dead_letter
from tasks.sqs_fifo.delivery import SYSTEM_ATTRIBUTES, Delivery, Outcome, Result
from tasks.sqs_fifo.envelope import Envelope, NotAllowed
from tasks.sqs_fifo.gate import Gate
from tasks.sqs_fifo.visibility import Visibility

logger = logging.getLogger(__name__)

LOST = Outcome(Result.BUG, "lost", "the process that ran it was lost, or it ran into a time limit")
# SQS ends every lease twelve hours after the receipt (SQS, "Visibility timeout").
LONGEST_HOLD = 11 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a queue is consumed; times in seconds, sizes in bytes.

    `lookahead` is how many groups may be ready beyond those that run, before receiving pauses.
    """

    dead_letter_queue_url: str
    wait_time: int = 2
    visibility_timeout: int = 60
    flush_deletes_after: float = 0.1
    lookahead: int = 4
    most_held: int = 200
    most_bugs: int = 5
    first_backoff: float = 0.5
    longest_backoff: float = 30.0
    largest_message: int = 1_048_576


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
        self._queue_url = queue_url
        self._options = options
        self._calls = calls
        self._envelope = envelope
        self._hub = hub
        self._room = room
        self._hand_over = hand_over
        self._gate = Gate()
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
        self._running: dict[str, Delivery] = {}
        self._held: set[Delivery] = set()
        self._receiving = self._stopped = False
        self._receive_failures = 0
        self._heartbeat: Any = None

    @property
    def running(self) -> int:
        """How many messages the pool has."""
        return len(self._running)

    def start(self) -> None:
        """Begin to receive, and to keep leases."""
        self._heartbeat = self._hub.call_repeatedly(
            self._options.visibility_timeout / 4, self._keep_leases
        )
        self._hub.call_soon(self.receive)

    def receive(self) -> None:
        """Have one long poll open, unless enough is held."""
        if self._receiving or self._stopped or not self._wants_more():
            return
        self._receiving = True
        self._calls(
            "ReceiveMessage",
            queue_url=self._queue_url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=self._options.wait_time,
            VisibilityTimeout=self._options.visibility_timeout,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=list(SYSTEM_ATTRIBUTES),
            when_done=self._on_received,
        )

    def settle(self, tag: str, outcome: Outcome | None) -> None:
        """The pool is done with a message; without an outcome, its process was lost."""
        delivery = self._running.pop(tag, None)
        if delivery is None:
            return
        outcome = outcome or LOST
        match outcome.result:
            case Result.DONE:
                self._finish(delivery)
            case Result.INVALID:
                self._quarantine(delivery, outcome)
            case Result.BUG if delivery.failures + 1 >= self._options.most_bugs:
                self._quarantine(delivery, outcome)
            case _:
                self._hold(delivery, outcome)
        self._run_what_may_run()

    def release_running(self, tag: str) -> None:
        """Give back a message that the pool will never settle (cold shutdown)."""
        delivery = self._running.pop(tag, None)
        if delivery:
            self._gate.forget_head(delivery)
            self._visibility.release([delivery])

    def stop(self) -> None:
        """Receive no more, and give back all that is not running, at once.

        Returns when the open long poll has ended: what SQS handed to it is given back too.
        """
        if self._stopped:
            return
        self._stopped = True
        self._calls.wait = True
        held = list(self._held)
        for delivery in held:
            self._forget_held(delivery)
        waiting = [d for group in self._gate.group_ids for d in self._gate.drop_waiting(group)]
        self._visibility.release([*held, *waiting])
        self._acks.flush()
        give_up_at = monotonic() + self._options.wait_time + 1
        while self._calls.open and monotonic() < give_up_at:
            self._hub.run_once()

    def close(self) -> None:
        """Delete what has finished since `stop`, and say what consuming has cost."""
        self._acks.flush()
        if self._heartbeat:
            self._heartbeat.cancel()
        logger.info("stopped consuming", extra={"sqs_calls": dict(self._calls.counts)})

    def _wants_more(self) -> bool:
        return (
            self._gate.ready < self._room() + self._options.lookahead
            and self._gate.held < self._options.most_held
        )

    def _on_received(self, answer: Answer, error: str | None) -> None:
        self._receiving = False
        now = monotonic()
        deliveries = [
            Delivery.from_sqs(message, now=now, lease=self._options.visibility_timeout)
            for message in answer.get("Messages", ())
        ]
        if self._stopped:
            self._visibility.release(deliveries)
            return
        for delivery in deliveries:
            self._envelope.classify(delivery)
            self._gate.admit(delivery)
        self._flush_if_awaited(delivery.group_id for delivery in deliveries)
        self._run_what_may_run()
        self._receive_again(error)

    def _receive_again(self, error: str | None) -> None:
        if error is None:
            if self._receive_failures:
                logger.info("receiving works again")
            self._receive_failures = 0
            self.receive()
            return
        if not self._receive_failures:
            logger.warning("receiving failed, trying until it works", extra={"error": error})
        self._receive_failures += 1
        self._hub.call_later(self._backoff(self._receive_failures), self.receive)

    def _run_what_may_run(self) -> None:
        while not self._stopped and self._room() > 0 and (delivery := self._gate.take()):
            if self._visibility.is_nearly_over(delivery):
                self._give_back(delivery)
            else:
                self._run(delivery)
        self.receive()

    def _run(self, delivery: Delivery) -> None:
        try:
            message = self._envelope.message(delivery)
        except NotAllowed as error:
            self._quarantine(delivery, Outcome(Result.INVALID, "not_allowed", str(error)))
            return
        self._running[delivery.receipt_handle] = delivery
        self._hand_over(message)

    def _finish(self, delivery: Delivery) -> None:
        self._gate.finish(delivery)
        self._acks.add(delivery)
        self._flush_if_awaited([delivery.group_id])

    def _flush_if_awaited(self, group_ids: Iterable[str]) -> None:
        if any(self._gate.waits_for_deletes(group_id) for group_id in group_ids):
            self._acks.flush()

    def _quarantine(self, delivery: Delivery, outcome: Outcome) -> None:
        """Copy to the dead-letter queue, and only when SQS has it, finish here."""

        def when_done(_answer: Answer, error: str | None) -> None:
            if error is None:
                logger.warning("quarantined", extra=_about(delivery, outcome))
                self._finish(delivery)
                self._run_what_may_run()
            elif self._stopped:
                self._give_back(delivery)
            else:
                logger.error("the dead-letter queue refuses", extra={"error": error})
                self._hub.call_later(
                    self._options.longest_backoff, self._quarantine, delivery, outcome
                )

        self._calls(
            "SendMessage",
            queue_url=self._options.dead_letter_queue_url,
            when_done=when_done,
            **dead_letter(
                delivery,
                reason=outcome.reason,
                error=outcome.error,
                largest_size=self._options.largest_message,
            ),
        )

    def _hold(self, delivery: Delivery, outcome: Outcome) -> None:
        """Run it again in its place, later. Its followers go back: SQS keeps the group locked."""
        if self._stopped:
            self._give_back(delivery)
            return
        if outcome.result is not Result.WAITING:
            delivery.failures += 1
        logger.warning("held, to be run again", extra=_about(delivery, outcome))
        self._visibility.release(self._gate.drop_waiting(delivery.group_id))
        self._held.add(delivery)
        self._hub.call_later(self._backoff(delivery.failures), self._run_again, delivery)

    def _run_again(self, delivery: Delivery) -> None:
        if delivery in self._held:
            self._held.remove(delivery)
            self._gate.put_back(delivery)
            self._run_what_may_run()

    def _give_back(self, delivery: Delivery) -> None:
        """Let SQS deliver this head and what waits behind it again."""
        self._gate.forget_head(delivery)
        followers = self._gate.drop_waiting(delivery.group_id)
        self._visibility.release([delivery, *followers])

    def _forget_held(self, delivery: Delivery) -> None:
        self._held.remove(delivery)
        self._gate.forget_head(delivery)

    def _keep_leases(self) -> None:
        too_old = monotonic() - LONGEST_HOLD
        for delivery in [held for held in self._held if held.received_at < too_old]:
            self._held.remove(delivery)
            self._give_back(delivery)
        self._visibility.extend([*self._gate, *self._acks.undeleted])

    def _on_lease_lost(self, delivery: Delivery) -> None:
        """SQS delivers it again, so nothing after it may run from here."""
        self._visibility.release(
            follower
            for follower in self._gate.drop_waiting(delivery.group_id)
            if follower is not delivery
        )
        if delivery in self._held:
            self._forget_held(delivery)

    def _on_deleted(self, delivery: Delivery) -> None:
        self._gate.confirm(delivery)
        self._run_what_may_run()

    def _on_too_late(self, delivery: Delivery) -> None:
        self._gate.confirm(delivery)
        self._on_lease_lost(delivery)

    def _backoff(self, failures: int) -> float:
        doublings = min(failures - 1, 10)
        return min(self._options.first_backoff * 2.0**doublings, self._options.longest_backoff)


def _about(delivery: Delivery, outcome: Outcome) -> dict[str, Any]:
    return {
        "message_id": delivery.message_id,
        "reason": outcome.reason,
        "error": outcome.error,
        "attempt": delivery.failures,
        "receive_count": delivery.receive_count,
    }
