"""The faults in a random schedule: of SQS, of the dependencies, and of the workers."""

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from celery_sqs_fifo import Outcome
from tests.simulation.events import BUG, UNAVAILABLE, Journal, Kind
from tests.simulation.faults import FAULTS
from tests.simulation.sqs import CHANGE, DELETE, RECEIVE, SEND, ModelSqs
from tests.simulation.workers import Worker
from tests.support.fake_loop import FakeLoop

picks = st.integers(0, 5)
troubles = st.sampled_from(["leases end early", "one lease ends early", "crash", "stop"])
seldom = st.sampled_from([False, False, False, True])


class Troubles(RuleBasedStateMachine):
    """The rules of a schedule that cause faults. A subclass sets up the workers and SQS."""

    groups: tuple[str, ...]
    loop: FakeLoop
    sqs: ModelSqs
    journal: Journal
    max_workers: int
    new_worker: Callable[[], Worker]

    def __init__(self) -> None:
        super().__init__()
        self.workers: list[Worker] = []

    def runs(self) -> list[tuple[Worker, str]]:
        """Return all running tasks, as pairs of a worker and a delivery tag."""
        return [(worker, tag) for worker in self.workers for tag in worker.running]

    def finish_running_tasks(self) -> None:
        """Finish all tasks that are running now."""
        for worker, tag in self.runs():
            worker.work(tag, lost_after=None)

    def send(self, events: list[tuple[str, Kind, int, float]]) -> None:
        """Send events, each given as group, kind, number of failures, and age in seconds."""
        for group, kind, failures, age in events:
            event = self.journal.new_event(group=group, kind=kind, failures=failures)
            self.sqs.put(event, age=age)

    @rule()
    def start_missing_workers(self) -> None:
        """Start workers until there are `max_workers`."""
        while len(self.workers) < self.max_workers:
            self.workers.append(self.new_worker())

    @rule(
        action=st.sampled_from([RECEIVE, SEND, DELETE, CHANGE]),
        fault=st.sampled_from(sorted(FAULTS)),
        times=st.sampled_from([1, 2, 3, 6, 12]),
    )
    def calls_will_fail(self, action: str, fault: str, times: int) -> None:
        self.sqs.faults[action].extend([FAULTS[fault]] * times)

    @rule(
        action=st.sampled_from([SEND, DELETE]),
        meanwhile=st.sampled_from(["nothing", "leases end early", "stop"]),
    )
    def calls_fail_for_longer_than_a_lease(self, action: str, meanwhile: str) -> None:
        """Make calls hang for longer than a lease.

        The worker must keep the leases of the deliveries that wait for these calls, unless their
        leases are ended early or the worker stops.
        """
        self.send([(group, Kind.INVALID, 0, 0.0) for group in self.groups])
        self.sqs.faults[action].extend([FAULTS["hanging, not done"]] * 4)
        for _ in range(4):
            self.loop.advance(0.7)
            self.finish_running_tasks()
        if meanwhile == "leases end early":
            self.sqs.end_leases()
        for worker in self.workers if meanwhile == "stop" else []:
            if not worker.is_stopped:
                worker.stop(loop_turns_on=True)
        self.loop.advance(45.0)

    @rule(seconds=st.sampled_from([1.0, 5.0, 15.0]))
    def the_queue_vanishes(self, seconds: float) -> None:
        self.sqs.gone_until = self.loop.now + seconds

    @precondition(lambda self: self.workers)
    @rule(pick=picks, seconds=st.sampled_from([4.0, 12.0, 19.0, 30.0]), others_work=st.booleans())
    def a_worker_stands_still(self, pick: int, seconds: float, others_work: bool) -> None:
        worker = self.workers[pick % len(self.workers)]
        worker.freeze()
        self.loop.advance(seconds)
        for other, tag in self.runs() if others_work else []:
            if other is not worker:
                other.work(tag, lost_after=None)
        self.loop.advance(0.3)
        worker.thaw()

    @rule(latency=st.sampled_from([0.0, 0.02, 0.2]))
    def latency_changes(self, latency: float) -> None:
        self.sqs.latency = latency

    @rule(is_outage=seldom, outage=st.sampled_from([UNAVAILABLE, BUG]))
    def dependencies_change(self, is_outage: bool, outage: Outcome) -> None:
        self.journal.outage = outage if is_outage else None

    @precondition(lambda self: self.workers)
    @rule(pick=picks)
    def an_operator_releases_all_causes(self, pick: int) -> None:
        self.workers[pick % len(self.workers)].release_causes()

    @precondition(lambda self: self.workers)
    @rule(trouble=troubles, pick=st.integers(0, 30), goes_on=st.booleans())
    def trouble_comes(self, trouble: str, pick: int, goes_on: bool) -> None:
        """Cause a redelivery.

        A single rule causes all kinds, because separate rules would make them too frequent.
        """
        worker = self.workers[pick % len(self.workers)]
        if trouble == "leases end early":
            self.sqs.end_leases()
        elif trouble == "one lease ends early":
            self.sqs.end_one_lease(pick)
        elif trouble == "crash":
            worker.crash()
            self.workers.remove(worker)
            if goes_on:
                self.start_missing_workers()
        elif not worker.is_stopped:
            # The long poll that is open may return some of these events.
            for delay in (0.3, 0.8, 1.3):
                self.loop.call_later(
                    delay, self.send, [(group, Kind.PLAIN, 0, 0.0) for group in self.groups]
                )
            worker.stop(loop_turns_on=goes_on)

    @precondition(lambda self: any(worker.is_stopped for worker in self.workers))
    @rule(is_cold=st.booleans())
    def stopped_workers_end(self, is_cold: bool) -> None:
        """End the stopped workers. Kill their running tasks if `is_cold`, else finish them."""
        for worker in [worker for worker in self.workers if worker.is_stopped]:
            for tag in [] if is_cold else list(worker.running):
                worker.work(tag, lost_after=None)
            worker.end()
            worker.check()
            self.workers.remove(worker)
        self.start_missing_workers()
