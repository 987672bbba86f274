"""The worker survives all faults of SQS and the network, and a health check shows that it runs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

from embedded.processes import ManagedProcess
from embedded.service import PROJECT_ROOT
from testbed.sqs import SqsServer
from tests.e2e.conftest import any_batch_size
from tests.support.running_fifo_app import FifoApp

FAULTS: dict[str, Callable[[SqsServer], None]] = {
    "500": lambda server: server.fail(status=500, code="InternalError"),
    "503": lambda server: server.fail(status=503, code="ServiceUnavailable"),
    "throttled": lambda server: server.fail(status=400, code="RequestThrottled"),
    "forbidden": lambda server: server.fail(status=403, code="AccessDenied"),
    "expired credentials": lambda server: server.fail(status=403, code="ExpiredToken"),
    "dropped": lambda server: server.drop(),
    "refused": lambda server: server.refuse_connections(),
    "hanging": lambda server: server.hang(seconds=2),
}


def test_the_worker_continues_after_every_fault(fifo_app: FifoApp, batch_size: int) -> None:
    """All faults happen to the same worker, one after the other."""
    fifo_app.send_many(groups=1, events=3)
    worker = fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until_empty()
    for number, (name, fault) in enumerate(FAULTS.items(), start=1):
        fault(fifo_app.sqs_server)
        fifo_app.wait_until(partial(has_failed, worker, times=number))
        time.sleep(1)
        fifo_app.sqs_server.clear_faults()
        fifo_app.send_many(groups=1, events=3)
        fifo_app.wait_until_empty()
        assert fifo_app.done() == {"g0": [0, 1, 2] * (number + 1)}, name
        assert fifo_app.max_batch_size() == min(batch_size, 3), name
        assert worker.is_running, name
        assert worker.log_text().count("receive_failed") == number, name


def has_failed(worker: ManagedProcess, *, times: int) -> bool:
    """Return whether receiving has failed at least `times` times."""
    return worker.log_text().count("receive_failed") >= times


def test_a_queue_that_vanishes_and_comes_back_is_consumed_again(
    fifo_app: FifoApp, batch_size: int
) -> None:
    fifo_app.send_many(groups=1, events=3)
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until_empty()
    fifo_app.sqs_server.vanish(queue=fifo_app.queue)
    fifo_app.wait_until(lambda: "receive_failed" in fifo_app.workers[0].log_text())
    fifo_app.sqs_server.restore(queue=fifo_app.queue)
    fifo_app.send_many(groups=1, events=3)
    fifo_app.wait_until_empty()
    assert fifo_app.done() == {"g0": [0, 1, 2, 0, 1, 2]}
    assert fifo_app.max_batch_size() == min(batch_size, 3)


@any_batch_size
def test_the_health_check_of_a_container_sees_one_stuck_worker_among_several(
    fifo_app: FifoApp,
) -> None:
    fifo_app.environment["TMPDIR"] = str(fifo_app.logs)
    assert not is_healthy(fifo_app)
    stuck, _other = fifo_app.start_worker(), fifo_app.start_worker()
    fifo_app.wait_until(lambda: is_healthy(fifo_app))
    os.kill(stuck.pid, signal.SIGSTOP)
    (file,) = fifo_app.logs.glob(f"celery-sqs-fifo-*/{stuck.pid}-{fifo_app.queue}")
    os.utime(file, (1, 1))
    assert not is_healthy(fifo_app)

    os.killpg(stuck.pid, signal.SIGKILL)
    fifo_app.wait_until(lambda: is_healthy(fifo_app))


def is_healthy(fifo_app: FifoApp) -> bool:
    """Return whether the check succeeds, in the environment of the workers."""
    check = [sys.executable, "-m", "celery_sqs_fifo.consuming.liveness"]
    environment = {**os.environ, **fifo_app.environment}
    return not subprocess.run(check, cwd=PROJECT_ROOT, env=environment, check=False).returncode
