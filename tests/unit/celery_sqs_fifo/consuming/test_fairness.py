"""Groups that fail or are slow use a bounded share of the pool, and the others do not wait."""

import json
from typing import Any

import pytest

from celery_sqs_fifo import DONE, Backoff, Outcome, Result
from celery_sqs_fifo.delivery import Delivery
from tests.support.fake_calls import sqs_message
from tests.unit.celery_sqs_fifo.consuming.test_consumer import BUG, Worker

LOCKED = Outcome(Result.UNAVAILABLE, "unavailable", "a row is locked", is_local=True)
# How long a run of a locked event takes, in seconds.
LOCK_TIMEOUT = 5.0
# The length of a long poll.
WAIT_TIME = 2.0


def event(name: str, *, scope: str, group: str = "") -> dict[str, Any]:
    return sqs_message(name, group=group or name, body=json.dumps({"scope": scope}))


class Pool:
    """Runs the batches of a worker. Events of locked scopes take five seconds and fail."""

    def __init__(self, worker: Worker, *, locked: set[str]) -> None:
        self.worker = worker
        self.locked = locked
        self.done_at: dict[str, float] = {}
        self.tried: list[str] = []
        self.busy_seconds = 0.0
        self._polled_at = 0.0
        self._ends: dict[str, float] = {}
        self.queue: list[dict[str, Any]] = []

    def run(self, seconds: float) -> None:
        end = self.worker.loop.now + seconds
        while self.worker.loop.now < end:
            self._turn()
            self.worker.loop.advance(0.1)

    def _turn(self) -> None:
        while self.worker.polls and self.queue:
            self.worker.receive(*self.queue[:10])
            del self.queue[:10]
            self._polled_at = self.worker.loop.now
        if self.worker.polls and self.worker.loop.now > self._polled_at + WAIT_TIME:
            # A lease is counted from the start of the poll.
            self.worker.receive()
            self._polled_at = self.worker.loop.now
        for tag in list(self.worker.handed):
            batch = self._batch(tag)
            is_locked = any(one.scope in self.locked for one in batch)
            self._ends.setdefault(tag, self.worker.loop.now + (LOCK_TIMEOUT if is_locked else 0.0))
            if self.worker.loop.now >= self._ends[tag]:
                del self._ends[tag]
                self._end(tag, batch)

    def _end(self, tag: str, batch: list[Delivery]) -> None:
        outcomes = [LOCKED if one.scope in self.locked else DONE for one in batch]
        for one, outcome in zip(batch, outcomes, strict=True):
            if outcome is DONE:
                self.done_at[one.message_id] = self.worker.loop.now
            else:
                self.tried.append(one.message_id)
        if LOCKED in outcomes:
            self.busy_seconds += LOCK_TIMEOUT
        self.worker.settle(tag, outcomes)

    def _batch(self, tag: str) -> list[Delivery]:
        return list(self.worker.consumer._runs._runs[tag].batch)


@pytest.fixture(params=[1, 2, 4])
def pool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Pool:
    worker = Worker(monkeypatch, processes=request.param, probe="").start()
    return Pool(worker, locked={"locked"})


def wait_of(pool: Pool, name: str) -> float:
    """Send an event of another scope, and return how long it waits until it takes effect."""
    sent_at = pool.worker.loop.now
    pool.queue.append(event(name, scope="free"))
    while name not in pool.done_at and pool.worker.loop.now < sent_at + 60:
        pool.run(0.1)
    return pool.worker.loop.now - sent_at


def test_sixty_contacts_that_fail_slowly_delay_other_contacts_by_few_runs(pool: Pool) -> None:
    pool.queue += [event(f"bad{number}", scope="locked") for number in range(60)]
    pool.run(20)

    waits = [wait_of(pool, f"good{number}") for number in range(5)]
    # With one process, an event can wait for a run that has just begun.
    longest = LOCK_TIMEOUT + 1 if pool.worker.processes == 1 else 1.0
    assert max(waits) <= longest


def test_failing_groups_use_a_quarter_of_the_pool_while_others_wait(pool: Pool) -> None:
    pool.queue += [event(f"bad{number}", scope="locked") for number in range(60)]
    pool.run(30)
    before = pool.busy_seconds
    pool.queue += [event(f"good{number}", scope="free") for number in range(500)]
    pool.run(200)

    share = (pool.busy_seconds - before) / (200 * pool.worker.processes)
    assert 0.1 < share <= 0.27
    assert len(pool.done_at) == 500


def test_a_thousand_failing_groups_neither_stop_receiving_nor_fill_the_memory(pool: Pool) -> None:
    pool.queue += [event(f"bad{number}", scope="locked") for number in range(500)]
    for _ in range(10):
        pool.run(5)
        assert pool.worker.consumer._gate.held <= 100 + 50

    assert pool.queue == []
    assert wait_of(pool, "good") <= LOCK_TIMEOUT + 1
    # They only wait for the lock, so they are soon received again.
    assert len(pool.worker.calls.parked_for(5)) >= 350


def test_all_events_of_a_scope_take_effect_soon_after_its_lock_is_released(pool: Pool) -> None:
    pool.queue += [event(f"bad{number}", scope="locked") for number in range(60)]
    pool.run(60)
    pool.locked.clear()
    pool.run(60)

    assert len(pool.done_at) == 60


def test_a_rerun_of_another_scope_does_not_wait_for_all_reruns_of_a_locked_one(
    pool: Pool,
) -> None:
    pool.queue += [event(f"bad{number}", scope="locked") for number in range(60)]
    pool.locked.add("short")
    pool.queue.append(event("short", scope="short"))
    pool.run(30)
    pool.locked.remove("short")
    pool.run(60)

    assert "short" in pool.done_at


def test_a_lock_counts_once_for_the_circuit_and_three_scopes_are_an_outage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker(monkeypatch, processes=10, probe="ordinary").start()
    worker.settle(worker.probe)
    worker.receive(*[event(f"a{number}", scope="a") for number in range(5)])
    for number in range(5):
        worker.settle(f"handle-a{number}", [LOCKED])
    worker.receive(event("b", scope="b"), event("c", scope="c"))
    worker.settle("handle-b", [LOCKED])
    worker.receive()
    assert worker.polls == 1

    worker.settle("handle-c", [LOCKED])
    worker.receive()
    assert worker.polls == 0


def test_a_group_whose_last_run_was_slow_waits_behind_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker(monkeypatch, processes=1).start()
    worker.receive(sqs_message("slow", group="slow"))
    worker.receive(sqs_message("slow-next", group="slow"), sqs_message("m1", group="g1"))
    worker.loop.advance(10)
    worker.settle("handle-slow")
    worker.receive(*[sqs_message(f"m{n}", group=f"g{n}") for n in (2, 3)])

    assert worker.finish_all()[1:] == [["slow-next"], ["m1", "m2", "m3"]]


def test_finished_events_whose_deletes_are_refused_are_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker(monkeypatch, max_held=50, backoff=Backoff(first=0.5, longest=30.0)).start()
    worker.calls.errors = {"DeleteMessageBatch": "HTTP 503 ServiceUnavailable"}
    for turn in range(100):
        if worker.polls:
            worker.receive(*[sqs_message(group=f"{turn}-{n}") for n in range(10)])
        worker.finish_all()
        worker.loop.advance(3)
    assert sum(map(len, worker.order)) <= 60
    assert len(worker.calls.of("DeleteMessageBatch")) <= 30

    worker.calls.errors.clear()
    worker.loop.advance(60)
    assert worker.polls == 1


def test_a_bug_in_one_group_does_not_make_its_scope_a_suspect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker(monkeypatch, processes=3, batch_size=1).start()
    worker.receive(event("bad", scope="s"))
    worker.settle("handle-bad", [BUG])
    worker.receive(*[event(f"good{n}", scope="s") for n in range(3)])

    assert len(worker.handed) == 3
