"""During an outage of the dependencies a worker receives nothing and loses nothing."""

from pathlib import Path

from tests.support.running_fifo_app import FifoApp


def test_a_general_outage_stops_receiving_until_a_probe_succeeds(
    fifo_app: FifoApp, tmp_path: Path, batch_size: int
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
    fifo_app.wait_until(lambda: "circuit_opened" in fifo_app.workers[0].log_text())
    fifo_app.send(group="late", number=1)
    fifo_app.wait_until(lambda: "probe_failed" in fifo_app.workers[0].log_text())
    assert set(fifo_app.done()) == {"slow"}
    assert fifo_app.max_batch_size() == min(batch_size, 5)
    (tmp_path / "DOWN").unlink()
    fifo_app.wait_until_empty()
    assert set(fifo_app.done()) == {"slow", "late", *(f"g{group}" for group in range(5))}


def test_a_worker_started_in_an_outage_receives_nothing(
    fifo_app: FifoApp, tmp_path: Path, batch_size: int
) -> None:
    fifo_app.set_options(probe="probe")
    (tmp_path / "DOWN").touch()
    fifo_app.send_many(groups=1, events=3)
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until(lambda: "probe_failed" in fifo_app.workers[0].log_text())
    assert "ReceiveMessage" not in fifo_app.actions()
    (tmp_path / "DOWN").unlink()
    fifo_app.wait_until_empty()
    assert fifo_app.done() == {"g0": [0, 1, 2]}
    assert fifo_app.max_batch_size() == min(batch_size, 3)
