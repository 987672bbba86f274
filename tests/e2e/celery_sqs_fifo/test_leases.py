"""A held message stays invisible to other workers."""

from tests.e2e.conftest import FifoApp


def test_a_task_of_ten_times_the_visibility_timeout_runs_once(
    fifo_app: FifoApp, batch_size: int
) -> None:
    fifo_app.set_options(visibility_timeout=2)
    fifo_app.send(group="a", number=1, trouble={"step": "second", "what": "sleep:20", "times": 1})
    fifo_app.send(group="a", number=2)
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until_empty(timeout=40)
    began = [line.number for line in fifo_app.journal() if line.verb == "began"]
    assert sorted(began) == [1, 1, 1, 2, 2, 2]
    assert fifo_app.done() == {"a": [1, 2]}
    assert fifo_app.max_batch_size() == min(batch_size, 2)
