"""A worker in a random schedule: a real consumer, with the schedule as its pool."""

from collections.abc import Callable, Iterable
from typing import Any

from tasks.sqs_fifo.chain import QueuedEvent, Work, bug, each
from tasks.sqs_fifo.consumer import QueueConsumer
from tasks.sqs_fifo.delivery import DONE, Delivery
from tasks.sqs_fifo.envelope import Envelope
from tasks.sqs_fifo.options import Options
from tests.support.fake_loop import FakeLoop, FakeTimer
from tests.support.schedules_events import UNAVAILABLE, Journal
from tests.support.schedules_sqs import QUEUE, ModelCalls, ModelSqs


class Hub:
    """One worker's part of the loop that all share: it stops turning when the worker has gone."""

    def __init__(self, loop: FakeLoop) -> None:
        self._loop = loop
        self.turns = True

    def call_soon(self, callback: Callable[..., Any], *args: Any) -> None:
        self._loop.call_soon(self._while_it_turns, callback, *args)

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> FakeTimer:
        return self._loop.call_later(delay, self._while_it_turns, callback, *args)

    def call_repeatedly(self, delay: float, callback: Callable[..., Any], *args: Any) -> FakeTimer:
        return self._loop.call_repeatedly(delay, self._while_it_turns, callback, *args)

    def run_once(self) -> None:
        self._loop.run_once()

    def _while_it_turns(self, callback: Callable[..., Any], *args: Any) -> None:
        if self.turns:
            callback(*args)


class Worker:
    """One worker process from its start to its end. `running` is what its pool has, by tag."""

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
        self._hub = Hub(loop)
        self._sqs = sqs
        self._journal = journal
        self._options = options
        self._others = others
        self.calls = ModelCalls(sqs=sqs, is_alive=lambda: self._hub.turns)
        self.consumer = QueueConsumer(
            queue_url=QUEUE,
            options=options,
            calls=self.calls,  # type: ignore[arg-type]
            envelope=envelope,
            hub=self._hub,
            room=lambda: processes - self.consumer.running,
            hand_over=self._hand_over,
        )
        self.consumer.start()

    def work(self, tag: str, *, lost_after: int | None) -> None:
        """A pool process ends what it runs, or is lost after so many events of it."""
        bundle = self.running.pop(tag)
        if tag.startswith("probe:"):
            failed = None if lost_after is not None else [UNAVAILABLE]
            self.consumer.settle(tag, failed if failed is None or self._journal.is_outage else DONE)
            return
        works = [Work(QueuedEvent.of(delivery)) for delivery in bundle[:lost_after]]
        each(works, self._journal.run, outcome_of=bug)
        if lost_after is None:
            outcomes = [work.outcome or DONE for work in works]
            self.consumer.settle(tag, outcomes if any(work.outcome for work in works) else DONE)
            return
        if len(bundle) == 1:
            self._journal.of(bundle[0].message_id).bugs += 1
        self.consumer.settle(tag, None)

    def crash(self) -> None:
        """It is killed, and its pool with it."""
        self._hub.turns = False
        self.running.clear()

    def stop(self, *, loop_turns_on: bool) -> None:
        """A warm shutdown begins; `loop_turns_on` until the pool has ended."""
        self.is_stopped = True
        self.consumer.stop()
        self._hub.turns = loop_turns_on

    def end(self) -> None:
        """The shutdown ends; what the pool still runs is killed and given back."""
        killed = list(self.running)
        self.running.clear()
        for tag in killed:
            self.consumer.release_running(tag)
        self.consumer.close()
        self._hub.turns = False

    @property
    def handles(self) -> list[str]:
        """The receipt handles of all that its pool runs."""
        return [one.receipt_handle for bundle in self.running.values() for one in bundle]

    @property
    def held_groups(self) -> list[str]:
        """The groups of which it still knows something."""
        return self.consumer._gate.group_ids

    def _hand_over(self, message: dict[str, Any]) -> None:
        tag = message["properties"]["delivery_tag"]
        bundle = list(self.consumer._running[tag])
        for delivery in bundle:
            self._check_start(delivery)
        if len(bundle) > self._options.bundle:
            self._journal.violations.append(f"a bundle of {len(bundle)}")
        self.running[tag] = bundle

    def _check_start(self, delivery: Delivery) -> None:
        event = self._journal.of(delivery.message_id)
        is_leased = self._sqs.holds(delivery.receipt_handle)
        if self.is_stopped:
            self._journal.violations.append(f"{event} runs after the worker was stopped")
        for worker in self._others():
            for other in (one for bundle in worker.running.values() for one in bundle):
                # Within a worker there is no excuse; of two workers one may have lost its lease.
                is_excused = worker is not self and not (
                    is_leased and self._sqs.holds(other.receipt_handle)
                )
                if other.group_id == delivery.group_id and not is_excused:
                    self._journal.violations.append(f"{event} runs beside one of its group")
        if is_leased:
            self._journal.check_start(event)
        elif delivery.receipt_handle not in self._sqs.ended_early:
            self._journal.violations.append(f"{event} runs without a lease")
