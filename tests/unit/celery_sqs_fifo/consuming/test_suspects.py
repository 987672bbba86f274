"""Groups and scopes that fail or are slow become suspects, which may use only part of the pool."""

import pytest

from celery_sqs_fifo import DONE, WAITING, Outcome, Result
from celery_sqs_fifo.consuming.runs import Runs
from celery_sqs_fifo.consuming.suspects import (
    FORGET_AFTER,
    MAX_REMEMBERED,
    SLOW_AFTER,
    Suspects,
)
from celery_sqs_fifo.delivery import Delivery
from tests.support.fake_calls import delivery
from tests.support.fake_loop import FakeLoop

BUG = Outcome(Result.BUG, "bug")
INVALID = Outcome(Result.INVALID, "malformed")
LOCKED = Outcome(Result.UNAVAILABLE, "unavailable", "locked", is_local=True)


class Noted:
    """A `Suspects` object with a fake clock."""

    def __init__(self) -> None:
        self.loop = FakeLoop()
        self.suspects = Suspects(now=self.loop.monotonic)

    def run(
        self,
        *outcomes: Outcome,
        seconds: float = 0.0,
        group: str = "g",
        scope: str = "s",
        others_wait: bool = True,
    ) -> bool:
        """Note a run with these outcomes. Return whether this changed which scopes are suspects."""
        begun_at = self.loop.now
        self.loop.advance(seconds)
        batch = [delivery(group=group, scope=scope) for _ in outcomes]
        return self.suspects.note_run(batch, outcomes, begun_at=begun_at, others_wait=others_wait)

    def has(self, *, group: str = "other", scope: str = "other") -> bool:
        return delivery(group=group, scope=scope) in self.suspects


@pytest.fixture
def noted() -> Noted:
    return Noted()


@pytest.mark.parametrize(
    ("outcome", "seconds", "is_suspect"),
    [
        (DONE, 0.0, False),
        (DONE, SLOW_AFTER, True),
        (INVALID, 0.0, False),
        (INVALID, SLOW_AFTER, True),
        (BUG, 0.0, True),
        (LOCKED, 0.0, True),
        (WAITING, SLOW_AFTER, False),
    ],
)
def test_a_group_is_a_suspect_after_a_failed_or_a_slow_run(
    noted: Noted, outcome: Outcome, seconds: float, is_suspect: bool
) -> None:
    noted.run(outcome, seconds=seconds)

    assert noted.has(group="g") is is_suspect


@pytest.mark.parametrize(("outcome", "is_suspect"), [(DONE, False), (BUG, True)])
def test_a_slow_success_counts_only_if_others_wait(
    noted: Noted, outcome: Outcome, is_suspect: bool
) -> None:
    noted.run(outcome, seconds=SLOW_AFTER, others_wait=False)

    assert noted.has(group="g") is is_suspect


def test_a_quick_success_clears_a_group(noted: Noted) -> None:
    noted.run(BUG)
    noted.run(DONE)

    assert not noted.has(group="g")


def test_a_batch_is_slow_if_its_events_are_slow_on_average(noted: Noted) -> None:
    noted.run(DONE, DONE, seconds=1.5 * SLOW_AFTER)
    assert not noted.has(group="g")

    noted.run(DONE, DONE, seconds=2 * SLOW_AFTER)
    assert noted.has(group="g")


@pytest.mark.parametrize(
    ("outcome", "seconds", "is_suspect"),
    [(LOCKED, 0.0, True), (BUG, SLOW_AFTER, True), (BUG, 0.0, False), (DONE, SLOW_AFTER, False)],
)
def test_a_scope_is_a_suspect_after_a_local_or_a_slow_failure(
    noted: Noted, outcome: Outcome, seconds: float, is_suspect: bool
) -> None:
    assert noted.run(outcome, seconds=seconds) is is_suspect
    assert noted.has(scope="s") is is_suspect


def test_a_scope_is_cleared_by_a_success_that_began_after_its_failure(noted: Noted) -> None:
    one = delivery(scope="s")
    before = noted.loop.now
    noted.loop.advance(1)
    noted.run(LOCKED)

    assert not noted.suspects.note_run([one], [DONE], begun_at=before, others_wait=False)
    assert noted.has(scope="s")

    noted.loop.advance(1)
    assert noted.suspects.note_run([one], [DONE], begun_at=noted.loop.now, others_wait=False)
    assert not noted.has(scope="s")


def test_events_without_a_scope_do_not_affect_each_other(noted: Noted) -> None:
    assert not noted.run(LOCKED, scope="")

    assert not noted.has(scope="")


def test_suspects_that_do_not_run_are_forgotten(noted: Noted) -> None:
    noted.run(LOCKED)
    noted.loop.advance(FORGET_AFTER)

    assert not noted.has(group="g", scope="s")


def test_a_successful_probe_clears_all(noted: Noted) -> None:
    noted.run(LOCKED)
    noted.suspects.clear()

    assert not noted.has(group="g", scope="s")


def test_the_number_of_remembered_suspects_is_bounded(noted: Noted) -> None:
    for number in range(MAX_REMEMBERED + 1):
        noted.run(BUG, group=f"g{number}", scope="")

    assert not noted.has(group="g0")
    assert noted.has(group="g1")


def test_an_event_whose_process_was_lost_is_a_suspect(noted: Noted) -> None:
    assert delivery(was_lost=True) in noted.suspects


class Pool:
    """The runs in a pool with this number of processes, with a fake clock."""

    def __init__(self, *, processes: int) -> None:
        self.loop = FakeLoop()
        self.runs = Runs(now=self.loop.monotonic)
        self.processes = processes

    def begin(self, tag: str, *, is_of_suspect: bool = True) -> Delivery:
        one = delivery(tag)
        self.runs.begin(tag, [one], is_of_suspect=is_of_suspect)
        return one

    @property
    def may_begin(self) -> bool:
        return self.runs.may_begin_suspect(processes=self.processes)


@pytest.mark.parametrize(("processes", "suspects"), [(1, 1), (2, 1), (7, 1), (8, 2), (12, 3)])
def test_suspects_use_a_quarter_of_the_processes_and_at_least_one(
    processes: int, suspects: int
) -> None:
    pool = Pool(processes=processes)
    for number in range(suspects):
        assert pool.may_begin
        pool.begin(str(number))

    assert not pool.may_begin


@pytest.mark.parametrize(("processes", "rest"), [(1, 30.0), (2, 10.0), (4, 0.0), (6, 0.0)])
def test_in_a_small_pool_suspects_rest_after_a_run(processes: int, rest: float) -> None:
    pool = Pool(processes=processes)
    pool.begin("tag")
    pool.loop.advance(10)
    run = pool.runs.end("tag")
    assert run is not None

    assert pool.runs.rest_after(run, processes=processes) == rest
    assert pool.may_begin is (rest == 0.0)
    pool.loop.advance(rest)
    assert pool.may_begin


def test_a_long_run_counts_as_the_run_of_a_suspect() -> None:
    pool = Pool(processes=2)
    pool.begin("slow", is_of_suspect=False)
    assert pool.may_begin

    pool.loop.advance(SLOW_AFTER)
    assert not pool.may_begin
