"""The messages of a killed process or worker are delivered again, in order."""

from testbed.journal import inversions
from tests.support.running_fifo_app import FifoApp


def test_order_is_kept_when_a_pool_process_is_killed(fifo_app: FifoApp) -> None:
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


def test_order_is_kept_when_a_worker_is_killed_and_replaced(fifo_app: FifoApp) -> None:
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
