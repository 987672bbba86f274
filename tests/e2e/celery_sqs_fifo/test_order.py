"""Events of a group take effect in order, one batch of a group at a time."""

import pytest

from testbed.journal import overlaps
from tests.support.running_fifo_app import FifoApp


def test_the_batch_size_bounds_the_events_of_a_task(fifo_app: FifoApp, batch_size: int) -> None:
    # While this event runs, the worker receives all other events, even on a slow machine.
    slow = {"step": "first", "what": "sleep:1", "times": 1}
    fifo_app.send(group="slow", number=0, trouble=slow)
    fifo_app.send_many(groups=30, events=3)
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until_empty()
    assert fifo_app.max_batch_size() == batch_size


def test_events_of_a_group_take_effect_in_order_without_overlap(fifo_app: FifoApp) -> None:
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


def test_a_thousand_messages_of_one_group_do_not_block_other_groups(
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


def test_an_event_that_goes_alone_has_its_whole_effect_before_the_next_begins(
    fifo_app: FifoApp,
) -> None:
    slow = {"step": "first", "what": "sleep:1", "times": 1}
    fifo_app.send(group="slow", number=0, trouble=slow)
    for number in range(6):
        event_type = "alone" if number % 2 else "plain"
        fifo_app.send(group="a", number=number, event_type=event_type)
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until_empty()
    lines = [line for line in fifo_app.journal() if line.group == "a" and line.verb == "did"]
    assert [(line.number, line.step) for line in lines] == [
        (number, step) for number in range(6) for step in ("first", "second", "third")
    ]
