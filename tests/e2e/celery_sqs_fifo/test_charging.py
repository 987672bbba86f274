"""What many events meet is an outage; only what follows one event around counts against it."""

import json
import time
from pathlib import Path

import pytest

from embedded.valkey import start_valkey
from tests.e2e.conftest import FifoApp, any_batch_size
from tests.e2e.test_remote_control import celery

OUTAGE_SECONDS = 30


def lines(fifo_app: FifoApp, event: str) -> int:
    """How often the workers have logged this event."""
    return sum(worker.log_text().count(event) for worker in fifo_app.workers)


@any_batch_size
@pytest.mark.parametrize("groups", [12, 1])
def test_an_error_that_all_events_meet_quarantines_nothing(
    fifo_app: FifoApp, tmp_path: Path, groups: int
) -> None:
    fifo_app.set_options(probe="probe")
    fifo_app.start_worker()
    fifo_app.wait_until(lambda: "probes" in fifo_app.done(step="probe"))
    (tmp_path / "DOWN").touch()
    trouble = {"step": "second", "what": "bug-while:DOWN"}
    for group in range(groups):
        fifo_app.send(group=f"g{group}", number=1, trouble=trouble)
        fifo_app.send(group=f"g{group}", number=2, trouble=trouble)
    ends_at = time.monotonic() + OUTAGE_SECONDS
    fifo_app.wait_until(lambda: time.monotonic() > ends_at, timeout=2 * OUTAGE_SECONDS)
    # With one group it runs again and again; with many the circuit opens.
    failed = [line for line in fifo_app.journal() if line.verb == "failed"]
    assert len(failed) > (10 if groups == 1 else 2)
    assert (fifo_app.done(), fifo_app.dead_letters()) == ({}, [])
    assert ("circuit_opened" in fifo_app.workers[0].log_text()) is (groups > 1)

    (tmp_path / "DOWN").unlink()
    fifo_app.wait_until_empty(timeout=60)
    assert fifo_app.done() == {f"g{group}": [1, 2] for group in range(groups)}
    assert fifo_app.dead_letters() == []
    assert lines(fifo_app, "event_parked") == 0


@any_batch_size
def test_one_poisoned_producer_fills_no_dead_letter_queue_and_stops_nobody(
    fifo_app: FifoApp, tmp_path: Path
) -> None:
    control_broker = start_valkey(supervisor=fifo_app.processes, logs=tmp_path)
    control_broker.wait_until_ready()
    fifo_app.environment["CONTROL_URL"] = control_broker.url
    fifo_app.set_options(probe="probe")
    (tmp_path / "POISONED").touch()
    trouble = {"step": "second", "what": "bug-while:POISONED"}
    bad = {f"bad{group}" for group in range(12)}
    for group in sorted(bad):
        fifo_app.send(group=group, number=1, trouble=trouble)
        fifo_app.send(group=group, number=2)
    fifo_app.start_worker()
    fifo_app.wait_until(lambda: "probes" in fifo_app.done(step="probe"))

    sent = 0
    while lines(fifo_app, "event_parked") < 9:
        number = sent
        fifo_app.send(group=f"good{number}", number=number)
        fifo_app.wait_until(lambda: f"good{number}" in fifo_app.done(), timeout=5)  # noqa: B023
        sent += 1
        assert sent < 1_000
    fifo_app.wait_until(lambda: lines(fifo_app, "event_quarantined") == 3)
    assert lines(fifo_app, "circuit_opened") == 0
    letters = fifo_app.dead_letters()
    dead = {letter["MessageAttributes"]["group_id"]["StringValue"] for letter in letters}
    assert (len(letters), len(dead & bad)) == (3, 3)

    status, output = celery(fifo_app, "inspect", "causes", "--json", "--timeout", "10")
    assert status == 0, output
    ((cause,),) = (queues.values() for queues in json.loads(output).values())
    (numbers,) = cause
    assert numbers["cause"].endswith("_make > RuntimeError")
    assert (numbers["quarantined_within_the_hour"], numbers["parked"]) == (3, 9)

    (tmp_path / "POISONED").unlink()
    released = ("control", "release_cause", numbers["cause"], "--timeout", "10")
    status, output = celery(fifo_app, *released)
    assert (status, "9 parked events become visible" in output) == (0, True), output
    fifo_app.wait_until_empty(timeout=30)
    done = fifo_app.done()
    assert {group: done[group] for group in bad} == {
        group: [2] if group in dead else [1, 2] for group in bad
    }
