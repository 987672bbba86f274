"""An error that many events raise is an outage, and counts against none of them.

Only an error that keeps returning for one event, while others succeed, counts against that event.
"""

import json
import time
from pathlib import Path

import pytest

from celery_sqs_fifo.place import Place
from tests.e2e.conftest import any_batch_size
from tests.support.running_fifo_app import FifoApp

OUTAGE_SECONDS = 30

pytestmark = pytest.mark.slow


def lines(fifo_app: FifoApp, event: str) -> int:
    """Return how often the workers have logged this event."""
    return sum(worker.log_text().count(event) for worker in fifo_app.workers)


@any_batch_size
@pytest.mark.parametrize("groups", [12, 1])
def test_an_error_that_all_events_raise_quarantines_nothing(
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
    # If only one group fails, its event is rerun. If many groups fail, the circuit opens.
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
def test_a_producer_of_failing_events_neither_fills_the_dead_letter_queue_nor_stops_others(
    fifo_app: FifoApp, tmp_path: Path
) -> None:
    fifo_app.start_control_broker()
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
    places = [letter["MessageAttributes"]["place"]["StringValue"] for letter in letters]
    dead = {Place.parse(place).group for place in places}
    assert (len(letters), len(dead & bad)) == (3, 3)

    status, output = fifo_app.celery("inspect", "causes", "--json", "--timeout", "10")
    assert status == 0, output
    ((cause,),) = (queues.values() for queues in json.loads(output).values())
    (numbers,) = cause
    assert numbers["cause"].endswith("_make > RuntimeError")
    assert (numbers["quarantined_within_the_hour"], numbers["parked"]) == (3, 9)

    (tmp_path / "POISONED").unlink()
    released = ("control", "release_cause", numbers["cause"], "--timeout", "10")
    status, output = fifo_app.celery(*released)
    assert (status, "9 events of this cause become visible" in output) == (0, True), output
    fifo_app.wait_until_empty(timeout=30)
    done = fifo_app.done()
    assert {group: done[group] for group in bad} == {
        group: [2] if group in dead else [1, 2] for group in bad
    }
