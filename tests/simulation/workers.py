"""A worker in a random schedule: a real consumer. The schedule acts as the pool."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from celery_sqs_fifo import (
    DONE,
    BatchItem,
    Options,
    Outcome,
    QueuedEvent,
    Result,
    bug_outcome,
    process_each,
)
from celery_sqs_fifo.consuming.charging import LOST
from celery_sqs_fifo.consuming.consumer import QueueConsumer
from celery_sqs_fifo.consuming.gate import Gate
from celery_sqs_fifo.consuming.quarantine import Quarantine
from celery_sqs_fifo.consuming.sqs_calls import Answer
from celery_sqs_fifo.delivery import Delivery
from celery_sqs_fifo.running.envelope import Envelope
from celery_sqs_fifo.running.request import REVOKED
from tests.simulation.calls import ModelCalls
from tests.simulation.charges import ChargeRules
from tests.simulation.events import Journal
from tests.simulation.leases import LeaseRules
from tests.simulation.sqs import QUEUE, SEND, ModelSqs
from tests.support.fake_loop import FakeLoop, FakeTimer

Call = Callable[[], None]


class Hub:
    """The event loop of one worker, which uses a loop that all workers share.

    It can be stopped or frozen for this worker alone.
    """

    def __init__(self, loop: FakeLoop) -> None:
        self._loop = loop
        self.turns = True
        # The calls that became due while the loop was frozen; None while it is not frozen.
        self._delayed: list[Call] | None = None

    def call_soon(self, callback: Callable[..., Any], *args: Any) -> None:
        self._loop.call_soon(self.call_in_loop, partial(callback, *args))

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> FakeTimer:
        return self._loop.call_later(delay, self.call_in_loop, partial(callback, *args))

    def call_repeatedly(self, delay: float, callback: Callable[..., Any], *args: Any) -> FakeTimer:
        call = partial(callback, *args)

        def unless_delayed() -> None:
            if not (self._delayed and call in self._delayed):
                self.call_in_loop(call)

        return self._loop.call_repeatedly(delay, unless_delayed)

    def run_once(self) -> None:
        self._loop.run_once()

    @property
    def is_frozen(self) -> bool:
        """Return whether the loop is frozen."""
        return self._delayed is not None

    def call_in_loop(self, call: Call) -> None:
        """Call a function now, after the thaw if the loop is frozen, or never if it has ended."""
        if self._delayed is not None:
            self._delayed.append(call)
        elif self.turns:
            call()

    def freeze(self) -> None:
        """Freeze the loop, as if the process received no CPU time."""
        self._delayed = []

    def thaw(self) -> None:
        """Continue, and make the calls that became due meanwhile, in order."""
        delayed, self._delayed = self._delayed or [], None
        for call in delayed:
            self.call_in_loop(call)


class Worker:
    """One worker process. `running` has the batches in its pool, by delivery tag."""

    def __init__(
        self,
        *,
        loop: FakeLoop,
        sqs: ModelSqs,
        journal: Journal,
        envelope: Envelope,
        options: Options,
        processes: int,
        others: Callable[[], Iterable["Worker"]],
    ) -> None:
        self.running: dict[str, list[Delivery]] = {}
        self.is_stopped = False
        # Handles of deliveries that must be quarantined instead of run again.
        self._to_be_saved: set[str] = set()
        self._hub = Hub(loop)
        self._sqs = sqs
        self._journal = journal
        self._options = options
        self._others = others
        self.leases = LeaseRules(
            holder=self, sqs=sqs, journal=journal, lease=options.visibility_timeout
        )
        self.charges = ChargeRules(
            journal=journal,
            options=options,
            now=loop.time,
            has_parked=self.leases.has_parked,
            set_aside=lambda: self.consumer._settler.failures.set_aside,
        )
        self.calls = ModelCalls(sqs=sqs, watcher=self, call_in_loop=self._hub.call_in_loop)
        self.consumer = QueueConsumer(
            queue_url=QUEUE,
            options=options,
            calls=self.calls,  # type: ignore[arg-type]
            envelope=envelope,
            hub=self._hub,
            room=lambda: processes - self.consumer.running,
            hand_over=self._hand_over,
        )
        self._watch_quarantine(self.consumer._settler._quarantine)
        self.consumer.start()

    def work(self, tag: str, *, lost_after: int | None, is_revoked: bool = False) -> None:
        """Finish a running batch.

        With `lost_after` the process is lost, or the task revoked, after that number of events.
        """
        batch = self.running.pop(tag)
        if tag.startswith("probe:"):
            outage = self._journal.outage
            if lost_after is None and not outage:
                self.charges.note_success(tag)
                self.consumer.settle(tag, DONE)
            else:
                self.consumer.settle(tag, [outage] if lost_after is None and outage else None)
            return
        if lost_after is not None:
            self._note_may_run_twice(batch)
        items = [BatchItem(QueuedEvent.of(delivery)) for delivery in batch[:lost_after]]
        process_each(items, self._journal.run, outcome_of=bug_outcome)
        if lost_after is None:
            outcomes = [item.outcome or DONE for item in items]
            self._to_be_saved |= {
                delivery.receipt_handle
                for delivery, outcome in zip(batch, outcomes, strict=True)
                if outcome.result in (Result.UNAVAILABLE, Result.BUG)
                and self._journal.is_old(delivery.message_id)
            }
            self.charges.note_outcomes(tag, batch, outcomes)
            self.consumer.settle(tag, outcomes if any(item.outcome for item in items) else DONE)
            return
        if is_revoked:
            for delivery in batch:
                self._journal.of(delivery.message_id).was_revoked = True
            self.consumer.settle(tag, REVOKED)
            return
        if len(batch) == 1:
            self._journal.of(batch[0].message_id).bugs += 1
            self.charges.note_outcomes(tag, batch, [LOST])
        self.consumer.settle(tag, None)

    def freeze(self) -> None:
        """Freeze the event loop. The pool continues with its running batches."""
        self._note_may_run_twice(self.gate)
        self._hub.freeze()

    def thaw(self) -> None:
        """Continue the event loop, and finish all running batches at once."""
        self._hub.thaw()
        # This must follow the thaw: the answer of a long poll may have waited, and the leases of
        # its messages may have ended.
        self.leases.excuse()
        for tag in list(self.running):
            self.work(tag, lost_after=None)

    def release_causes(self) -> None:
        """Release all causes, as an operator does."""
        for numbers in self.consumer.causes():
            self.charges.note_released(numbers["cause"])
            self.consumer.release_cause(numbers["cause"])

    def crash(self) -> None:
        """Kill the worker and its pool."""
        self._note_may_run_twice(self.gate)
        self._hub.turns = False
        self.running.clear()

    def stop(self, *, loop_turns_on: bool) -> None:
        """Start a warm shutdown. With `loop_turns_on`, the loop runs until the pool has ended."""
        self.is_stopped = True
        self.consumer.stop()
        self._hub.turns = loop_turns_on

    def end(self) -> None:
        """End the shutdown. Running batches are killed and given back."""
        killed = list(self.running)
        self.running.clear()
        for tag in killed:
            self.consumer.release_running(tag)
        self.consumer.close()
        self._note_may_run_twice(self.gate)
        self._hub.turns = False

    def check(self) -> None:
        """Check the rules for leases that must hold at any time."""
        if self._hub.turns and not self._hub.is_frozen:
            self.leases.check_held()
        if self.is_stopped and not self.calls.open:
            self.leases.check_given_back()

    def on_call(self, action: str, parameters: dict[str, Any]) -> None:
        self.leases.on_call(action, parameters)
        self.charges.on_call(action, parameters)
        if action == SEND and self.consumer._circuit.is_open:
            source = parameters["MessageAttributes"]["source_message_id"]["StringValue"]
            self._journal.of(source).met_outage = True

    def on_received(self, messages: Iterable[dict[str, Any]]) -> None:
        self.leases.on_received(messages)

    def on_answer(self, action: str, parameters: dict[str, Any], answer: Answer) -> None:
        self.leases.on_answer(action, parameters, answer)

    @property
    def gate(self) -> Gate:
        """Return the gate, which holds the unfinished deliveries."""
        return self.consumer._gate

    @property
    def undeleted(self) -> list[Delivery]:
        """Return the finished deliveries whose deletes are not confirmed."""
        return self.consumer._settler._acks.undeleted

    @property
    def handles(self) -> list[str]:
        """Return the receipt handles of the running deliveries."""
        return [one.receipt_handle for batch in self.running.values() for one in batch]

    @property
    def held_groups(self) -> list[str]:
        """Return the groups that the gate still knows."""
        return self.gate.group_ids

    def _watch_quarantine(self, quarantine: Quarantine) -> None:
        """Check each event when its copy is requested, because the copy may be sent later."""
        add = quarantine.add

        def checked_add(delivery: Delivery, outcome: Outcome) -> None:
            self.charges.check_copy(delivery.receipt_handle, outcome)
            add(delivery, outcome)

        quarantine.add = checked_add  # type: ignore[method-assign]

    def _note_may_run_twice(self, deliveries: Iterable[Delivery]) -> None:
        """Note that other workers may run these events, too."""
        for delivery in deliveries:
            self._journal.of(delivery.message_id).may_run_twice = True

    def _hand_over(self, message: dict[str, Any]) -> None:
        tag = message["properties"]["delivery_tag"]
        batch = list(self.consumer._runs._runs[tag].batch)
        for delivery in batch:
            self._check_start(delivery)
        if len(batch) > self._options.batch_size:
            self._journal.violations.append(f"a batch of {len(batch)}")
        self.running[tag] = batch
        self.charges.note_begun(tag)

    def _check_start(self, delivery: Delivery) -> None:
        event = self._journal.of(delivery.message_id)
        self.leases.check_begin(delivery)
        is_leased = self._sqs.lease_left(delivery.receipt_handle) > 0
        if delivery.receipt_handle in self._to_be_saved:
            self._journal.violations.append(f"{event} runs again close to the end of its retention")
        if self.is_stopped:
            self._journal.violations.append(f"{event} runs after the worker was stopped")
        for worker in self._others():
            for other in (one for batch in worker.running.values() for one in batch):
                # Two workers may run a group at once only if one of them has lost its lease.
                is_excused = worker is not self and not (
                    is_leased and self._sqs.lease_left(other.receipt_handle) > 0
                )
                if other.group_id == delivery.group_id and not is_excused:
                    self._journal.violations.append(f"{event} runs at the same time as its group")
        if is_leased:
            self._journal.check_start(event)
