"""An event that fails holds only its own group."""

import pytest

from tests.support.running_fifo_app import FifoApp


def test_an_event_with_a_bug_runs_five_times_and_is_then_quarantined(
    fifo_app: FifoApp, batch_size: int
) -> None:
    fifo_app.set_options(probe="probe")
    fifo_app.send(group="a", number=1, trouble={"step": "second", "what": "bug"})
    fifo_app.send(group="a", number=2)
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until_empty()
    assert fifo_app.max_batch_size() == min(batch_size, 2)
    assert fifo_app.done() == {"a": [2]}
    assert [line.number for line in fifo_app.journal() if line.verb == "failed"] == [1] * 5
    (letter,) = fifo_app.dead_letters()
    assert letter["MessageAttributes"]["reason"]["StringValue"] == "bug"
    error = letter["MessageAttributes"]["error"]["StringValue"]
    assert "RuntimeError" in error
    assert "unexpected" not in error


def test_an_event_that_kills_its_process_is_quarantined(fifo_app: FifoApp, batch_size: int) -> None:
    """The loss of a batch counts against no event, because the event at fault is unknown."""
    # Celery takes up to five seconds to notice a lost process.
    fifo_app.set_options(max_bug_runs=2, probe="probe")
    fifo_app.send(group="a", number=1, trouble={"step": "first", "what": "die"})
    fifo_app.send(group="a", number=2)
    for number in range(5):
        fifo_app.send(group="b", number=number)
    worker = fifo_app.start_worker()
    fifo_app.wait_until_empty(timeout=60)
    assert fifo_app.done() == {"a": [2], "b": [0, 1, 2, 3, 4]}
    assert ("pool_process_lost" in worker.log_text()) is (batch_size > 1)
    killed = [line for line in fifo_app.journal() if (line.group, line.number) == ("a", 1)]
    assert len(killed) == (3 if batch_size > 1 else 2)
    assert fifo_app.dead_letter_reasons() == ["lost"]


def test_an_event_waits_for_an_unavailable_dependency_without_limit(
    fifo_app: FifoApp, batch_size: int
) -> None:
    trouble = {"step": "third", "what": "unavailable", "times": 8}
    fifo_app.send(group="a", number=1, trouble=trouble)
    fifo_app.send(group="a", number=2)
    fifo_app.send(group="b", number=1)
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until_empty()
    assert fifo_app.done() == {"b": [1], "a": [1, 2]}
    assert fifo_app.max_batch_size() == min(batch_size, 3)
    assert fifo_app.dead_letters() == []


def test_failing_groups_do_not_block_other_groups(fifo_app: FifoApp) -> None:
    """The first events of a hundred groups fail, and another group arrives later."""
    for group in range(100):
        fifo_app.send(
            group=f"bad{group}",
            number=1,
            trouble={"step": "first", "what": "unavailable", "times": 6},
        )
        fifo_app.send(group=f"bad{group}", number=2)
    fifo_app.start_worker()
    fifo_app.send(group="good", number=1)
    fifo_app.wait_until(lambda: "good" in fifo_app.done())
    fifo_app.wait_until_empty(timeout=60)
    done = fifo_app.done()
    assert all(done[f"bad{group}"] == [1, 2] for group in range(100))


@pytest.mark.parametrize("limit", ["TIME_LIMIT", "SOFT_TIME_LIMIT"])
def test_a_time_limit_counts_as_a_bug(fifo_app: FifoApp, limit: str, batch_size: int) -> None:
    fifo_app.environment[limit] = "1"
    fifo_app.send(group="a", number=1, trouble={"step": "second", "what": "sleep:30", "times": 2})
    for number in (2, 3, 4):
        fifo_app.send(group="a", number=number)
    fifo_app.start_worker()
    fifo_app.wait_until_empty()
    assert fifo_app.dead_letters() == []
    assert fifo_app.done() == {"a": [1, 2, 3, 4]}
    assert fifo_app.max_batch_size() == min(batch_size, 4)
