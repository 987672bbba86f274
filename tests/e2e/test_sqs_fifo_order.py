"""The transport keeps order with real worker processes, on a server that makes it hard."""

import os
import signal

import pytest

from testbed.journal import inversions, overlaps
from tests.e2e.conftest import FifoApp


def test_the_setting_bounds_how_many_events_a_process_gets_at_once(
    fifo_app: FifoApp, bundle: int
) -> None:
    # Meanwhile the others gather, however slow the machine receives.
    slow = {"step": "first", "what": "sleep:1", "times": 1}
    fifo_app.send(group="slow", number=0, trouble=slow)
    fifo_app.send_many(groups=30, events=3)
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until_empty()
    assert fifo_app.largest_bundle() == bundle


def test_events_of_a_group_take_effect_one_after_the_other(fifo_app: FifoApp) -> None:
    fifo_app.send_many(groups=20, events=15)
    fifo_app.start_worker(concurrency=4)
    fifo_app.wait_until_empty()
    done = fifo_app.done()
    assert done == {f"g{group}": list(range(15)) for group in range(20)}
    assert overlaps(fifo_app.journal()) == []


def test_two_workers_share_the_groups_without_breaking_order(fifo_app: FifoApp) -> None:
    fifo_app.send_many(groups=20, events=15)
    workers = [fifo_app.start_worker(), fifo_app.start_worker()]
    fifo_app.wait_until_empty()
    assert fifo_app.done() == {f"g{group}": list(range(15)) for group in range(20)}
    assert overlaps(fifo_app.journal()) == []
    assert all(worker.is_running for worker in workers)


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_other_pools_keep_order_too(fifo_app: FifoApp, pool: str) -> None:
    fifo_app.send_many(groups=10, events=10)
    fifo_app.start_worker(concurrency=3, pool=pool)
    fifo_app.wait_until_empty()
    assert fifo_app.done() == {f"g{group}": list(range(10)) for group in range(10)}


def test_a_thousand_messages_of_a_hot_group_do_not_keep_others_from_running(
    fifo_app: FifoApp,
) -> None:
    slow = {"step": "first", "what": "sleep:0.2", "times": 1}
    for number in range(10):
        fifo_app.send(group="g0", number=number, trouble=slow)
    fifo_app.send_many(groups=1, events=990)
    fifo_app.send_many(groups=51, events=1)
    fifo_app.start_worker(concurrency=2)
    others = {f"g{group}" for group in range(1, 51)}
    fifo_app.wait_until(lambda: others <= set(fifo_app.done()))
    assert len(fifo_app.done().get("g0", [])) < 1000


def test_eight_processes_keep_order(fifo_app: FifoApp) -> None:
    fifo_app.send_many(groups=12, events=10)
    fifo_app.start_worker(concurrency=8)
    fifo_app.wait_until_empty()
    assert fifo_app.done() == {f"g{group}": list(range(10)) for group in range(12)}
    assert overlaps(fifo_app.journal()) == []


def test_a_killed_pool_process_loses_no_order(fifo_app: FifoApp) -> None:
    die = {"step": "second", "what": "die", "times": 1}
    for number in range(10):
        fifo_app.send(group="a", number=number, trouble=die if number in (2, 5) else None)
        fifo_app.send(group="b", number=number)
    fifo_app.start_worker()
    fifo_app.wait_until_empty()
    done = fifo_app.done()
    assert {group: sorted(set(numbers)) for group, numbers in done.items()} == {
        "a": list(range(10)),
        "b": list(range(10)),
    }
    assert [inversions(numbers) for numbers in done.values()] == [0, 0]


def test_a_killed_worker_is_followed_by_another_in_order(fifo_app: FifoApp) -> None:
    fifo_app.send_many(groups=10, events=30)
    worker = fifo_app.start_worker()
    for done_before in (75, 150, 225):
        fifo_app.wait_until_done(done_before)
        fifo_app.kill(worker)
        worker = fifo_app.start_worker()
    fifo_app.wait_until_empty()
    done = fifo_app.done()
    assert {group: sorted(set(numbers)) for group, numbers in done.items()} == {
        f"g{group}": list(range(30)) for group in range(10)
    }
    assert [inversions(numbers) for numbers in done.values()] == [0] * 10


def test_a_replayed_barrier_does_not_reach_what_came_after_it(fifo_app: FifoApp) -> None:
    """Deletes fail from the barrier on, and the worker is killed: M1 BARRIER M3."""
    fifo_app.start_worker()
    fifo_app.send(group="a", number=1)
    fifo_app.wait_until_empty()
    fifo_app.sqs_server.fail(status=500, code="InternalError", actions=["DeleteMessageBatch"])
    fifo_app.send(group="a", number=2, event_type="barrier")
    fifo_app.send(group="a", number=3)
    fifo_app.wait_until(lambda: 2 in fifo_app.done().get("a", []))
    fifo_app.send(group="b", number=1)
    fifo_app.wait_until(lambda: "b" in fifo_app.done())
    assert fifo_app.done()["a"] == [1, 2]
    fifo_app.sqs_server.clear_faults()
    fifo_app.kill(fifo_app.workers[0])
    fifo_app.start_worker()
    fifo_app.wait_until_empty()
    assert fifo_app.done()["a"] == [1, 2, 2, 3]


def test_a_barrier_waits_until_what_came_before_is_deleted(fifo_app: FifoApp) -> None:
    fifo_app.sqs_server.fail(status=500, code="InternalError", actions=["DeleteMessageBatch"])
    fifo_app.send(group="a", number=1)
    fifo_app.send(group="a", number=2, event_type="barrier")
    fifo_app.start_worker()
    fifo_app.wait_until(lambda: 1 in fifo_app.done().get("a", []))
    fifo_app.send(group="b", number=1)
    fifo_app.wait_until(lambda: "b" in fifo_app.done())
    assert fifo_app.done()["a"] == [1]
    fifo_app.sqs_server.clear_faults()
    fifo_app.wait_until_empty()
    assert fifo_app.done()["a"] == [1, 2]


@pytest.mark.parametrize("signals", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGQUIT,)])
def test_an_impatient_shutdown_does_not_break_order(
    fifo_app: FifoApp, signals: tuple[signal.Signals, ...]
) -> None:
    slow = {"step": "second", "what": "sleep:0.3", "times": 1}
    for number in range(6):
        fifo_app.send(group="a", number=number, trouble=slow)
    worker = fifo_app.start_worker()
    fifo_app.wait_until(lambda: bool(fifo_app.done(step="first")))
    for one in signals:
        os.kill(worker.pid, one)
    fifo_app.wait_until_ended(worker)
    fifo_app.sqs_server.expire_leases(queue=fifo_app.queue)
    fifo_app.start_worker()
    fifo_app.wait_until_empty()
    assert inversions(fifo_app.done()["a"]) == 0
    assert set(fifo_app.done()["a"]) == set(range(6))
