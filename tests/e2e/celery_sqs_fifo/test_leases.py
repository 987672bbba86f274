"""A held message stays invisible to other workers."""

from testbed.journal import overlaps
from tests.support.running_fifo_app import FifoApp


def test_a_task_ten_times_as_long_as_the_visibility_timeout_runs_once(
    fifo_app: FifoApp, batch_size: int
) -> None:
    fifo_app.set_options(visibility_timeout=2)
    fifo_app.send(group="a", number=1, trouble={"step": "second", "what": "sleep:20", "times": 1})
    fifo_app.send(group="a", number=2)
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until_empty(timeout=40)
    began = [line.number for line in fifo_app.journal() if line.verb == "began"]
    # If both are in one batch, the second event is put back because the first one is slow. So it
    # begins again later.
    assert sorted(began) == [1, 1, 1] + [2, 2, 2] + [2] * (batch_size > 1)
    assert fifo_app.done() == {"a": [1, 2]}
    assert fifo_app.max_batch_size() == min(batch_size, 2)


def test_a_task_of_the_solo_pool_runs_once_although_it_outlasts_the_visibility_timeout(
    fifo_app: FifoApp,
) -> None:
    """The task blocks the event loop of its worker, while another worker waits for its messages."""
    fifo_app.set_options(visibility_timeout=2, wait_time=1)
    fifo_app.send(group="a", number=1, trouble={"step": "second", "what": "sleep:7", "times": 1})
    fifo_app.send(group="a", number=2)
    first = fifo_app.start_worker(pool="solo")
    fifo_app.wait_until(lambda: bool(fifo_app.journal()))
    fifo_app.start_worker(pool="solo")
    fifo_app.wait_until_empty(timeout=40)
    assert fifo_app.done() == {"a": [1, 2]}
    began = [line.number for line in fifo_app.journal() if line.verb == "began"]
    # Event 2 may run twice: it waits for the slow event in its batch, and then runs alone.
    assert began.count(1) == 3
    assert overlaps(fifo_app.journal()) == []
    assert first.is_running
