"""What SQS and the network do to a worker, and that it goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from embedded.processes import ManagedProcess
from embedded.service import PROJECT_ROOT
from testbed.journal import inversions
from testbed.sqs import SqsServer
from tests.e2e.conftest import FifoApp, without_a_bundle

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


def test_the_worker_goes_on_after_every_fault(fifo_app: FifoApp, bundle: int) -> None:
    """One after the other, on one worker."""
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
        assert fifo_app.largest_bundle() == min(bundle, 3), name
        assert worker.is_running, name
        assert worker.log_text().count("receiving failed") == number, name


def has_failed(worker: ManagedProcess, *, times: int) -> bool:
    """Whether receiving has failed so often."""
    return worker.log_text().count("receiving failed") >= times


def test_a_queue_that_vanishes_and_comes_back_is_consumed_again(
    fifo_app: FifoApp, bundle: int
) -> None:
    fifo_app.send_many(groups=1, events=3)
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until_empty()
    fifo_app.sqs_server.vanish(queue=fifo_app.queue)
    fifo_app.wait_until(lambda: "receiving failed" in fifo_app.workers[0].log_text())
    fifo_app.sqs_server.restore(queue=fifo_app.queue)
    fifo_app.send_many(groups=1, events=3)
    fifo_app.wait_until_empty()
    assert fifo_app.done() == {"g0": [0, 1, 2, 0, 1, 2]}
    assert fifo_app.largest_bundle() == min(bundle, 3)


def test_work_of_ten_times_the_visibility_timeout_runs_once(fifo_app: FifoApp, bundle: int) -> None:
    fifo_app.set_options(visibility_timeout=2)
    fifo_app.send(group="a", number=1, trouble={"step": "second", "what": "sleep:20", "times": 1})
    fifo_app.send(group="a", number=2)
    fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until_empty(timeout=40)
    began = [line.number for line in fifo_app.journal() if line.verb == "began"]
    assert sorted(began) == [1, 1, 1, 2, 2, 2]
    assert fifo_app.done() == {"a": [1, 2]}
    assert fifo_app.largest_bundle() == min(bundle, 2)


def test_under_load_an_event_costs_at_most_22_hundredths_of_a_call(fifo_app: FifoApp) -> None:
    fifo_app.send_many(groups=100, events=20)
    fifo_app.start_worker()
    fifo_app.wait_until_empty()
    fifo_app.workers[0].stop()
    counted = {"ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"}
    calls = [action for action in fifo_app.actions() if action in counted]
    assert len(calls) / 2000 <= 0.22


@without_a_bundle
def test_a_container_can_see_that_the_worker_is_alive(fifo_app: FifoApp) -> None:
    file = fifo_app.directory / "alive"
    fifo_app.set_options(liveness_file=str(file))
    check = [sys.executable, "-m", "celery_sqs_fifo.consuming.liveness", str(file)]
    assert subprocess.run(check, cwd=PROJECT_ROOT, check=False).returncode == 1
    fifo_app.start_worker()
    fifo_app.wait_until(file.exists)
    assert subprocess.run(check, cwd=PROJECT_ROOT, check=False).returncode == 0


@without_a_bundle
def test_an_idle_worker_only_keeps_a_long_poll_open(fifo_app: FifoApp) -> None:
    fifo_app.start_worker()
    time.sleep(3.5)
    actions = fifo_app.actions()
    polls = [action for action in actions if action == "ReceiveMessage"]
    assert 3 <= len(polls) <= 6
    # Creating the queue, and Celery's look at its size when it starts.
    assert set(actions) <= {"ReceiveMessage", "CreateQueue", "GetQueueAttributes"}


def test_after_sigterm_others_get_what_was_held_within_a_second_and_a_half(
    fifo_app: FifoApp, bundle: int
) -> None:
    """One process has a slow event, alone or with nine others; what is behind it is held."""
    slow = {"step": "second", "what": "sleep:2", "times": 1}
    fifo_app.send(group="slow", number=0, trouble=slow)
    fifo_app.send_many(groups=14, events=1)
    worker = fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until(lambda: "slow" in fifo_app.done(step="first"))
    fifo_app.wait_until(lambda: fifo_app.waiting_on_queue() == 0)
    os.kill(worker.pid, signal.SIGTERM)
    asked_at = time.monotonic()
    received: list[Any] = []
    while not received and time.monotonic() < asked_at + 1.5:
        answer = fifo_app.sqs.receive_message(
            QueueUrl=fifo_app.environment["QUEUE_URL"], MaxNumberOfMessages=10, WaitTimeSeconds=0
        )
        received = answer.get("Messages", [])
    assert received
    fifo_app.wait_until_ended(worker)
    finished = sum(map(len, fifo_app.done().values()))
    assert fifo_app.left_on_queue() == 15 - finished
    # The first receive has brought ten, and they are handed over at once.
    assert finished == min(bundle, 10)


@without_a_bundle
def test_nothing_is_lost_to_a_poll_that_was_open_at_shutdown(fifo_app: FifoApp) -> None:
    for _ in range(3):
        worker = fifo_app.start_worker()
        os.kill(worker.pid, signal.SIGTERM)
        fifo_app.send(group="a", number=len(fifo_app.workers))
        fifo_app.wait_until_ended(worker)
        answer = fifo_app.sqs.get_queue_attributes(
            QueueUrl=fifo_app.environment["QUEUE_URL"],
            AttributeNames=["ApproximateNumberOfMessagesNotVisible"],
        )
        assert answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "0"
    fifo_app.start_worker()
    fifo_app.wait_until_empty()
    assert inversions(fifo_app.done()["a"]) == 0
