"""What happens to events that fail, and to everybody else."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import FifoApp, without_a_bundle


def reasons(letters: list[dict[str, Any]]) -> list[str]:
    return sorted(letter["MessageAttributes"]["reason"]["StringValue"] for letter in letters)


def test_an_invalid_event_is_quarantined_and_its_group_goes_on(
    fifo_app: FifoApp, bundle: int
) -> None:
    fifo_app.send(group="a", number=1, trouble={"step": "second", "what": "invalid"})
    fifo_app.send(group="a", number=2)
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until_empty()
    assert fifo_app.done() == {"a": [2]}
    assert fifo_app.largest_bundle() == min(bundle, 2)
    (letter,) = fifo_app.dead_letters()
    assert json.loads(letter["Body"])["number"] == 1
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert attributes["reason"] == "invalid"
    assert attributes["group_id"] == "a"
    assert attributes["receive_count"] == "1"
    assert attributes["first_sent_at"].isdigit()
    assert attributes["source_message_id"]


def test_a_bug_is_tried_five_times_and_then_quarantined(fifo_app: FifoApp, bundle: int) -> None:
    fifo_app.send(group="a", number=1, trouble={"step": "second", "what": "bug"})
    fifo_app.send(group="a", number=2)
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until_empty()
    assert fifo_app.largest_bundle() == min(bundle, 2)
    assert fifo_app.done() == {"a": [2]}
    assert [line.number for line in fifo_app.journal() if line.verb == "failed"] == [1] * 5
    (letter,) = fifo_app.dead_letters()
    assert letter["MessageAttributes"]["reason"]["StringValue"] == "bug"
    error = letter["MessageAttributes"]["error"]["StringValue"]
    assert "RuntimeError" in error
    assert "nobody expected" not in error


def test_an_event_that_kills_its_process_is_quarantined(fifo_app: FifoApp, bundle: int) -> None:
    """After a bundle that was lost nobody knows which of its events was at fault: none counts."""
    # Celery takes up to five seconds to notice a lost process.
    fifo_app.set_options(most_bugs=2)
    fifo_app.send(group="a", number=1, trouble={"step": "first", "what": "die"})
    fifo_app.send(group="a", number=2)
    for number in range(5):
        fifo_app.send(group="b", number=number)
    worker = fifo_app.start_worker()
    fifo_app.wait_until_empty(timeout=60)
    assert fifo_app.done() == {"a": [2], "b": [0, 1, 2, 3, 4]}
    assert ("a process was lost with a bundle" in worker.log_text()) is (bundle > 1)
    killed = [line for line in fifo_app.journal() if (line.group, line.number) == ("a", 1)]
    assert len(killed) == (3 if bundle > 1 else 2)
    assert reasons(fifo_app.dead_letters()) == ["lost"]


def test_an_unavailable_dependency_is_waited_for_without_limit(
    fifo_app: FifoApp, bundle: int
) -> None:
    trouble = {"step": "third", "what": "unavailable", "times": 8}
    fifo_app.send(group="a", number=1, trouble=trouble)
    fifo_app.send(group="a", number=2)
    fifo_app.send(group="b", number=1)
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until_empty()
    assert fifo_app.done() == {"b": [1], "a": [1, 2]}
    assert fifo_app.largest_bundle() == min(bundle, 3)
    assert fifo_app.dead_letters() == []


def test_failing_groups_leave_the_worker_free_for_the_others(fifo_app: FifoApp) -> None:
    """A hundred groups whose heads wait, and one that arrives after them."""
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
def test_a_time_limit_counts_as_a_bug(fifo_app: FifoApp, limit: str, bundle: int) -> None:
    fifo_app.environment[limit] = "1"
    fifo_app.send(group="a", number=1, trouble={"step": "second", "what": "sleep:30", "times": 2})
    for number in (2, 3, 4):
        fifo_app.send(group="a", number=number)
    fifo_app.start_worker()
    fifo_app.wait_until_empty()
    assert fifo_app.dead_letters() == []
    assert fifo_app.done() == {"a": [1, 2, 3, 4]}
    assert fifo_app.largest_bundle() == min(bundle, 4)


def test_a_dead_letter_queue_that_refuses_keeps_the_message(fifo_app: FifoApp) -> None:
    fifo_app.send(group="a", number=1, trouble={"step": "first", "what": "invalid"})
    fifo_app.send(group="b", number=1)
    fifo_app.sqs_server.fail(status=500, code="InternalError", actions=["SendMessage"])
    worker = fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until(lambda: "refuses" in worker.log_text() and fifo_app.left_on_queue() < 2)
    assert (fifo_app.left_on_queue(), fifo_app.done()) == (1, {"b": [1]})
    fifo_app.sqs_server.clear_faults()
    fifo_app.wait_until_empty()
    assert reasons(fifo_app.dead_letters()) == ["invalid"]


@without_a_bundle
def test_two_dead_letters_within_five_minutes_both_arrive(fifo_app: FifoApp) -> None:
    """A dead letter that is sent again with its own id, and dies again, must not be swallowed."""
    fifo_app.start_worker()
    event = json.dumps(
        {
            "event_type": "plain",
            "group": "a",
            "number": 1,
            "trouble": {"step": "first", "what": "invalid"},
        }
    )
    fifo_app.send_body(event, group="a")
    fifo_app.wait_until_empty()
    (first,) = fifo_app.dead_letters()
    fifo_app.send_body(first["Body"], group="a")
    fifo_app.wait_until_empty()
    (second,) = fifo_app.dead_letters()
    assert second["Body"] == event


FORGERIES = (
    '{"headers": {"task": "secret"}, "body": "[[], {}, {}]", "properties": {}}',
    '{"headers": {"task": "first"}, "body": "[[[]], {}, {}]", "properties": {}}',
    '{"headers": {"task": "tick"}, "body": "[[1], {}, {}]", "properties": {}}',
    '{"headers": {"task": "tests.support.fifo_app.os.system"}, "properties": {}}',
)


def test_forged_celery_messages_are_quarantined_and_never_run(fifo_app: FifoApp) -> None:
    for number, body in enumerate(FORGERIES):
        fifo_app.send(group="a", number=number)
        fifo_app.send_body(body, group="a")
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until_empty()
    assert fifo_app.done() == {"a": list(range(len(FORGERIES)))}
    assert {line.step for line in fifo_app.journal()} == {"first", "second", "third"}
    assert reasons(fifo_app.dead_letters()) == ["not_allowed"] * len(FORGERIES)


def test_a_declared_pointer_runs_between_events(fifo_app: FifoApp) -> None:
    fifo_app.send(group="a", number=1)
    fifo_app.send_body(
        '{"headers": {"task": "tick"}, "body": "[[], {}, {}]", "properties": {}}', group="a"
    )
    fifo_app.send(group="a", number=2)
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until_empty()
    ended = [line for line in fifo_app.journal() if line.step in ("third", "tick")]
    assert [(line.step, line.number) for line in ended if line.verb == "did"] == [
        ("third", 1),
        ("tick", 0),
        ("third", 2),
    ]


def test_a_general_outage_stops_receiving_until_a_probe_succeeds(
    fifo_app: FifoApp, tmp_path: Path, bundle: int
) -> None:
    fifo_app.set_options(probe="probe")
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until(lambda: "probes" in fifo_app.done(step="probe"))
    (tmp_path / "DOWN").touch()
    slow = {"step": "second", "what": "sleep:1"}
    fifo_app.send(group="slow", number=1, trouble=slow)
    fifo_app.wait_until(lambda: "slow" in fifo_app.done(step="first"))
    trouble = {"step": "second", "what": "unavailable-while-down"}
    for group in range(5):
        fifo_app.send(group=f"g{group}", number=1, trouble=trouble)
    fifo_app.wait_until(lambda: "down for all" in fifo_app.workers[0].log_text())
    fifo_app.send(group="late", number=1)
    fifo_app.wait_until(lambda: "a probe of the dependencies" in fifo_app.workers[0].log_text())
    assert set(fifo_app.done()) == {"slow"}
    assert fifo_app.largest_bundle() == min(bundle, 5)
    (tmp_path / "DOWN").unlink()
    fifo_app.wait_until_empty()
    assert set(fifo_app.done()) == {"slow", "late", *(f"g{group}" for group in range(5))}


def test_a_worker_started_in_an_outage_receives_nothing(
    fifo_app: FifoApp, tmp_path: Path, bundle: int
) -> None:
    fifo_app.set_options(probe="probe")
    (tmp_path / "DOWN").touch()
    fifo_app.send_many(groups=1, events=3)
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until(lambda: "a probe of the dependencies" in fifo_app.workers[0].log_text())
    assert "ReceiveMessage" not in fifo_app.actions()
    (tmp_path / "DOWN").unlink()
    fifo_app.wait_until_empty()
    assert fifo_app.done() == {"g0": [0, 1, 2]}
    assert fifo_app.largest_bundle() == min(bundle, 3)
