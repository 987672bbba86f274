"""Whole workers against the strict model of SQS, over random schedules of work and of faults.

The profile is chosen by HYPOTHESIS_PROFILE: `long` runs 2,000 other schedules at each call.
"""

import os
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tasks.sqs_fifo.backoff import Backoff
from tasks.sqs_fifo.options import Options
from tests.support.fake_loop import FakeLoop, use_clock_of
from tests.support.schedules_events import Journal, Kind, is_barrier
from tests.support.schedules_sqs import (
    CHANGE,
    DEAD_LETTERS,
    DELETE,
    FAULTS,
    RECEIVE,
    SEND,
    ModelSqs,
)
from tests.support.schedules_workers import Worker
from tests.unit.test_sqs_fifo_app import envelope_of, fifo_app

GROUPS = ("a", "b", "c")
LEASE = 20
MOST_BUGS = 3
# An event that fails for ever, in a worker that lost its lease, takes less than this.
DRAINED_WITHIN = 600
ENVELOPE = envelope_of(fifo_app(), is_barrier=is_barrier)
OPTIONS = Options(
    dead_letter_queue_url=DEAD_LETTERS,
    probe="ordinary",
    visibility_timeout=LEASE,
    most_bugs=MOST_BUGS,
    backoff=Backoff(first=0.5, longest=4.0),
)

PROFILE = "schedules-" + os.environ.get("HYPOTHESIS_PROFILE", "short")
COMMON = settings(deadline=None, stateful_step_count=60, suppress_health_check=list(HealthCheck))
settings.register_profile("schedules-short", COMMON, max_examples=50, derandomize=True)
settings.register_profile("schedules-long", COMMON, max_examples=2_000, print_blob=True)

picks = st.integers(0, 5)
# Bundles, and so what can go wrong in them, need runs of events that are no barriers.
kinds = st.sampled_from([*[Kind.PLAIN] * 4, Kind.UNAVAILABLE, Kind.BUG, *Kind])
sends = st.tuples(st.sampled_from(GROUPS), kinds, st.integers(1, 2))
troubles = st.sampled_from(["leases end early", "crash", "stop"])
seldom = st.sampled_from([False, False, False, True])


class Schedules(RuleBasedStateMachine):
    """Two or three workers on one queue. What they run ends when the schedule says so."""

    def __init__(self) -> None:
        super().__init__()
        self.monkeypatch = pytest.MonkeyPatch()
        self.loop = FakeLoop()
        use_clock_of(self.loop, self.monkeypatch)
        self.journal = Journal(most_bugs=MOST_BUGS)
        self.workers: list[Worker] = []

    @initialize(
        workers=st.integers(2, 3),
        processes=st.integers(1, 2),
        bundle=st.sampled_from([10, 1]),
        is_greedy=st.booleans(),
    )
    def begin(self, workers: int, processes: int, bundle: int, is_greedy: bool) -> None:
        self.sqs = ModelSqs(loop=self.loop, journal=self.journal, lease=LEASE, is_greedy=is_greedy)
        self.sqs.running = lambda: [one for worker in self.workers for one in worker.handles]
        self.most_workers = workers
        self.new_worker = partial(
            Worker,
            loop=self.loop,
            sqs=self.sqs,
            journal=self.journal,
            envelope=ENVELOPE,
            options=replace(OPTIONS, bundle=bundle),
            processes=processes,
            others=lambda: self.workers,
        )
        self.start_missing_workers()

    @rule(events=st.lists(sends, min_size=3, max_size=12))
    def send(self, events: list[tuple[str, Kind, int]]) -> None:
        for group, kind, failures in events:
            self.sqs.put(self.journal.new_event(group=group, kind=kind, failures=failures))

    @rule(seconds=st.sampled_from([0.05, 0.3, 1.0, 3.0, 7.0, 25.0]))
    def time_passes(self, seconds: float) -> None:
        self.loop.advance(seconds)

    @rule(rounds=st.integers(1, 6))
    def all_work(self, rounds: int) -> None:
        for _ in range(rounds):
            self.work_off()
            self.loop.advance(0.3)

    @precondition(lambda self: self.runs())
    @rule(pick=picks)
    def one_run_ends(self, pick: int) -> None:
        worker, tag = self.runs()[pick % len(self.runs())]
        worker.work(tag, lost_after=None)

    @rule(pick=picks, lost_after=st.integers(0, 3), times=st.integers(1, 4))
    def processes_are_lost(self, pick: int, lost_after: int, times: int) -> None:
        for _ in range(times):
            if runs := self.runs():
                worker, tag = runs[pick % len(runs)]
                worker.work(tag, lost_after=lost_after)
            self.loop.advance(1.0)

    @rule(
        action=st.sampled_from([RECEIVE, SEND, DELETE, CHANGE]),
        fault=st.sampled_from(sorted(FAULTS)),
        times=st.integers(1, 6),
    )
    def calls_will_fail(self, action: str, fault: str, times: int) -> None:
        self.sqs.faults[action].extend([FAULTS[fault]] * times)

    @rule(latency=st.sampled_from([0.0, 0.02, 0.2]))
    def latency_changes(self, latency: float) -> None:
        self.sqs.latency = latency

    @rule(is_outage=seldom)
    def dependencies_change(self, is_outage: bool) -> None:
        self.journal.is_outage = is_outage

    @precondition(lambda self: self.workers)
    @rule(trouble=troubles, pick=picks, goes_on=st.booleans())
    def trouble_comes(self, trouble: str, pick: int, goes_on: bool) -> None:
        """One rule for all that makes SQS deliver again, or schedules would have little else."""
        worker = self.workers[pick % len(self.workers)]
        if trouble == "leases end early":
            self.sqs.end_leases()
        elif trouble == "crash":
            worker.crash()
            self.workers.remove(worker)
            if goes_on:
                self.start_missing_workers()
        elif not worker.is_stopped:
            worker.stop(loop_turns_on=goes_on)

    @precondition(lambda self: any(worker.is_stopped for worker in self.workers))
    @rule(is_cold=st.booleans())
    def stopped_workers_end(self, is_cold: bool) -> None:
        """A cold shutdown kills what runs; a warm one lets it end before."""
        for worker in [worker for worker in self.workers if worker.is_stopped]:
            for tag in [] if is_cold else list(worker.running):
                worker.work(tag, lost_after=None)
            worker.end()
            self.workers.remove(worker)
        self.start_missing_workers()

    @rule()
    def start_missing_workers(self) -> None:
        while len(self.workers) < self.most_workers:
            self.workers.append(self.new_worker())

    @invariant()
    def no_rule_is_broken(self) -> None:
        assert self.journal.violations == []

    def teardown(self) -> None:
        try:
            if hasattr(self, "sqs") and not self.journal.violations:
                self.drain()
        finally:
            self.monkeypatch.undo()

    def drain(self) -> None:
        """With all faults gone everything comes to its end, in every group and every worker."""
        for faults in self.sqs.faults.values():
            faults.clear()
        self.sqs.latency = 0.0
        self.journal.is_outage = False
        if any(worker.is_stopped for worker in self.workers):
            self.stopped_workers_end(is_cold=False)
        self.start_missing_workers()
        self.send([(group, Kind.BARRIER, 0) for group in GROUPS])
        end = self.loop.now + DRAINED_WITHIN
        while self.loop.now < end and not (self.sqs.is_empty and self.is_idle()):
            self.work_off()
            self.loop.advance(1.0)
        self.journal.check_end()
        assert self.journal.violations == []
        assert self.is_idle(), [worker.held_groups for worker in self.workers]

    def work_off(self) -> None:
        for worker, tag in self.runs():
            worker.work(tag, lost_after=None)

    def runs(self) -> list[tuple[Worker, str]]:
        return [(worker, tag) for worker in self.workers for tag in worker.running]

    def is_idle(self) -> bool:
        return not self.runs() and not any(worker.held_groups for worker in self.workers)


def test_order_and_every_event_survive_random_schedules_of_work_and_faults() -> None:
    run_state_machine_as_test(Schedules, settings=settings.get_profile(PROFILE))
