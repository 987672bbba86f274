"""A worker survives killed pool processes, event loop errors and observation errors."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from embedded.processes import ManagedProcess
from tests.e2e.celery_sqs_fifo.test_bounded_calls import take_effect
from tests.e2e.conftest import any_batch_size
from tests.support.running_fifo_app import FifoApp

pytestmark = any_batch_size


@pytest.mark.parametrize("error", ["own descriptor", "fork refused", "connection lost"])
def test_worker_survives_an_event_loop_error(fifo_app: FifoApp, error: str) -> None:
    fifo_app.environment["LOOP_ERROR"] = error
    worker = fifo_app.start_worker()
    take_effect(fifo_app, number=0)
    fail = fifo_app.logs / "FAIL"
    for number, where in enumerate(("callback", "timer", "descriptor"), start=1):
        fail.with_suffix(".new").write_text(where)
        fail.with_suffix(".new").rename(fail)
        fifo_app.wait_until(lambda: not fail.exists())
        time.sleep(0.5)
        take_effect(fifo_app, number=number)

    assert worker.is_running
    assert "ImproperlyConfigured" not in worker.log_text()
    assert fifo_app.dead_letters() == []


def test_worker_survives_a_missing_liveness_directory(fifo_app: FifoApp) -> None:
    folder = fifo_app.logs / "liveness"
    folder.mkdir()
    fifo_app.set_options(liveness_file=str(folder / "alive"))
    worker = fifo_app.start_worker()
    fifo_app.wait_until((folder / "alive").exists)
    shutil.rmtree(folder)
    fifo_app.wait_until(lambda: "observation_failed" in worker.log_text())
    take_effect(fifo_app, number=0)
    folder.mkdir()
    fifo_app.wait_until((folder / "alive").exists)

    assert worker.is_running


def test_worker_survives_killed_pool_processes(fifo_app: FifoApp) -> None:
    worker = fifo_app.start_worker(concurrency=2)
    take_effect(fifo_app, number=0)
    for number in range(1, 6):
        for pid in pool_processes(worker):
            os.kill(pid, signal.SIGKILL)
        take_effect(fifo_app, number=number)

    assert worker.is_running


def test_worker_survives_the_kill_of_its_first_pool_processes(fifo_app: FifoApp) -> None:
    (fifo_app.logs / "KILL_POOL").touch()
    worker = fifo_app.start_worker(concurrency=2)
    take_effect(fifo_app, number=0)

    assert worker.is_running
    assert worker.log_text().count("SIGKILL") == 2


def test_worker_survives_refused_forks(fifo_app: FifoApp) -> None:
    worker = fifo_app.start_worker(concurrency=1)
    take_effect(fifo_app, number=0)
    refused = fifo_app.logs / "NO_FORK"
    refused.touch()
    for pid in pool_processes(worker):
        os.kill(pid, signal.SIGKILL)
    fifo_app.send(group="a", number=1)
    fifo_app.wait_until(lambda: "event_loop_error" in worker.log_text())
    time.sleep(2)
    assert worker.is_running
    refused.unlink()
    take_effect(fifo_app, number=2)

    assert fifo_app.dead_letters() == []


def pool_processes(worker: ManagedProcess) -> list[int]:
    """Return the ids of a worker's pool processes."""
    children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children")
    return [int(pid) for pid in children.read_text(encoding="ascii").split()]
