"""A worker survives killed pool processes, event loop errors and observation errors."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.celery_sqs_fifo.test_bounded_calls import take_effect
from tests.e2e.conftest import FifoApp, any_batch_size

pytestmark = any_batch_size


@pytest.mark.parametrize("error", ["own descriptor", "fork refused", "connection lost"])
def test_worker_survives_an_event_loop_error(fifo_app: FifoApp, error: str) -> None:
    fifo_app.environment["LOOP_ERROR"] = error
    worker = fifo_app.start_worker()
    take_effect(fifo_app, number=0)
    fail = fifo_app.directory / "FAIL"
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
    folder = fifo_app.directory / "liveness"
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
        children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children")
        for pid in map(int, children.read_text(encoding="ascii").split()):
            os.kill(pid, signal.SIGKILL)
        take_effect(fifo_app, number=number)

    assert worker.is_running
