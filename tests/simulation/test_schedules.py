"""Complete workers run random schedules of events and faults on the strict model of SQS.

HYPOTHESIS_PROFILE selects a profile: with `long`, each run tests 2,000 new schedules.
"""

import os
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from celery_sqs_fifo import Backoff, Options
from tests.simulation.events import Journal, Kind, is_barrier, labels_of
from tests.simulation.sqs import DEAD_LETTERS, ModelSqs
from tests.simulation.troubles import Troubles, picks
from tests.simulation.workers import Worker
from tests.support.chain_app import envelope_of, fifo_app
from tests.support.fake_loop import FakeLoop, use_clock_of

GROUPS = ("a", "b", "c")
LEASE = 20
MAX_BUGS = 3
RETENTION = 1_000.0
# The longest time until a queue is empty, in seconds. The slowest case is an event that always
# fails, in a worker that has lost its lease.
DRAINED_WITHIN = 600
# The additional time for each event of a backlog whose events run one by one, in seconds.
DRAINED_WITHIN_PER_EVENT = 5
ENVELOPE = envelope_of(fifo_app(), is_barrier=is_barrier, labels_of=labels_of, scope_label="scope")
OPTIONS = Options(
    liveness_file="",
    dead_letter_queue_url=DEAD_LETTERS,
    probe="ordinary",
    visibility_timeout=LEASE,
    max_bug_runs=MAX_BUGS,
    # Low, so that schedules park events.
    max_quarantined_per_cause=1,
    retention=RETENTION,
    retention_check_every=30.0,
    # Short, because no operator can release the events of a killed worker.
    parking_delay=Backoff(first=5.0, longest=60.0),
)

PROFILE = "schedules-" + os.environ.get("HYPOTHESIS_PROFILE", "short")
COMMON = settings(stateful_step_count=60, suppress_health_check=list(HealthCheck))
settings.register_profile("schedules-short", COMMON, max_examples=50, derandomize=True)
settings.register_profile("schedules-long", COMMON, max_examples=2_000, print_blob=True)

# Only consecutive events that are not barriers form batches, so the schedule needs runs of them.
kinds = st.sampled_from([*[Kind.PLAIN] * 4, Kind.UNAVAILABLE, Kind.BUG, Kind.LOCKED, *Kind])
# The ages of events: new, old enough for a tick to be dropped, and close to the retention.
ages = st.sampled_from([*[0.0] * 6, 400.0, 0.9 * RETENTION])
runs = st.tuples(st.sampled_from(GROUPS), st.integers(0, 4), kinds, ages, st.integers(2, 6))
sends = st.tuples(st.sampled_from(GROUPS), kinds, st.integers(1, 2), ages)


class Schedules(Troubles):
    """Two or three workers on one queue. The schedule decides when their runs end."""

    groups = GROUPS

    def __init__(self) -> None:
        super().__init__()
        self.monkeypatch = pytest.MonkeyPatch()
        self.loop = FakeLoop()
        use_clock_of(self.loop, self.monkeypatch)
        self.journal = Journal(max_bug_runs=MAX_BUGS, old_after=0.8 * RETENTION, now=self.loop.time)

    @initialize(
        workers=st.integers(2, 3),
        processes=st.integers(1, 2),
        batch_size=st.sampled_from([10, 1]),
        is_greedy=st.booleans(),
        longest_delay=st.sampled_from([4.0, 30.0]),
        max_hold=st.sampled_from([OPTIONS.max_hold, 60.0]),
        max_held=st.sampled_from([OPTIONS.max_held, 10]),
        max_set_aside=st.sampled_from([OPTIONS.max_set_aside, 2]),
        backlog=st.lists(runs, min_size=2, max_size=5),
    )
    def begin(
        self,
        workers: int,
        processes: int,
        batch_size: int,
        is_greedy: bool,
        longest_delay: float,
        max_hold: float,
        max_held: int,
        max_set_aside: int,
        backlog: list[tuple[str, int, Kind, float, int]],
    ) -> None:
        self.sqs = ModelSqs(loop=self.loop, journal=self.journal, lease=LEASE, is_greedy=is_greedy)
        self.sqs.running = lambda: [one for worker in self.workers for one in worker.handles]
        self.max_workers = workers
        self.new_worker = partial(
            Worker,
            loop=self.loop,
            sqs=self.sqs,
            journal=self.journal,
            envelope=ENVELOPE,
            options=replace(
                OPTIONS,
                batch_size=batch_size,
                backoff=Backoff(first=0.5, longest=longest_delay),
                max_hold=max_hold,
                max_held=max_held,
                max_set_aside=max_set_aside,
            ),
            processes=processes,
            others=lambda: self.workers,
        )
        self.loop.call_repeatedly(1.0, self.check_workers)
        self.send_runs(backlog)
        self.start_missing_workers()

    @rule(events=st.lists(sends, min_size=3, max_size=12))
    def send_some(self, events: list[tuple[str, Kind, int, float]]) -> None:
        self.send(events)

    @rule(backlog=st.lists(runs, min_size=1, max_size=4))
    def send_runs(self, backlog: list[tuple[str, int, Kind, float, int]]) -> None:
        """Send enough events of a group to fill batches, with one of another kind among them."""
        for group, before, kind, age, after in backlog:
            kinds_of_run = [*[Kind.PLAIN] * before, kind, *[Kind.PLAIN] * after]
            self.send([(group, each, 1, age) for each in kinds_of_run])

    @rule(seconds=st.sampled_from([0.05, 0.3, 1.0, 3.0, 7.0, 25.0]))
    def time_passes(self, seconds: float) -> None:
        self.loop.advance(seconds)

    @rule(rounds=st.integers(1, 6))
    def all_work(self, rounds: int) -> None:
        for _ in range(rounds):
            self.finish_running_tasks()
            self.loop.advance(0.3)

    @precondition(lambda self: self.runs())
    @rule(pick=picks)
    def one_run_ends(self, pick: int) -> None:
        worker, tag = self.runs()[pick % len(self.runs())]
        worker.work(tag, lost_after=None)

    @rule(pick=st.sampled_from([0, 0, 1, 2]), lost_after=st.integers(0, 3), times=st.integers(1, 4))
    def processes_are_lost(self, pick: int, lost_after: int, times: int) -> None:
        for _ in range(times):
            # Runs with large batches are the most likely to reveal errors, so they come first.
            if runs := sorted(self.runs(), key=_batch_size, reverse=True):
                worker, tag = runs[pick % len(runs)]
                worker.work(tag, lost_after=lost_after)
            self.loop.advance(1.0)

    @precondition(lambda self: self.runs())
    @rule(pick=picks, after=st.integers(0, 3))
    def one_run_is_revoked(self, pick: int, after: int) -> None:
        worker, tag = self.runs()[pick % len(self.runs())]
        if worker.running[tag]:
            worker.work(tag, lost_after=after, is_revoked=True)

    def check_workers(self) -> None:
        for worker in self.workers:
            worker.check()

    @invariant()
    def no_rule_is_broken(self) -> None:
        self.check_workers()
        assert self.journal.violations == []

    def teardown(self) -> None:
        try:
            if hasattr(self, "sqs") and not self.journal.violations:
                self.drain()
        finally:
            self.monkeypatch.undo()

    def drain(self) -> None:
        """Check that every event ends in every group and worker after all faults have ended."""
        for faults in self.sqs.faults.values():
            faults.clear()
        self.sqs.latency = 0.0
        self.sqs.gone_until = 0.0
        self.journal.outage = None
        if any(worker.is_stopped for worker in self.workers):
            self.stopped_workers_end(is_cold=False)
        self.start_missing_workers()
        self.send([(group, Kind.BARRIER, 0, 0.0) for group in GROUPS])
        backlog = len(self.journal.events)
        end = self.loop.now + DRAINED_WITHIN + DRAINED_WITHIN_PER_EVENT * backlog
        while self.loop.now < end and not (self.sqs.is_empty and self.is_idle()):
            self.finish_running_tasks()
            for worker in self.workers:
                worker.release_causes()
            self.loop.advance(1.0)
        self.journal.check_end()
        assert self.journal.violations == []
        assert self.is_idle(), [worker.held_groups for worker in self.workers]

    def is_idle(self) -> bool:
        return not self.runs() and not any(worker.held_groups for worker in self.workers)


def test_no_event_is_lost_or_out_of_order_in_random_schedules_of_events_and_faults() -> None:
    run_state_machine_as_test(Schedules, settings=settings.get_profile(PROFILE))


def _batch_size(run: tuple[Worker, str]) -> int:
    worker, tag = run
    return len(worker.running[tag])
