"""A stopping worker releases held messages to SQS and finishes running tasks."""

import os
import signal
import time
from typing import Any

import psutil
import pytest

from testbed.journal import inversions
from tests.e2e.conftest import any_batch_size
from tests.support.running_fifo_app import FifoApp


def test_after_sigterm_held_messages_are_visible_to_others_within_a_second_and_a_half(
    fifo_app: FifoApp, batch_size: int
) -> None:
    """A process runs a slow event, alone or in a batch of ten. The worker holds all others."""
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
            QueueUrl=fifo_app.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=0
        )
        received = answer.get("Messages", [])
    assert received
    fifo_app.wait_until_ended(worker)
    finished = sum(map(len, fifo_app.done().values()))
    assert fifo_app.left_on_queue() == 15 - finished
    # The pool immediately received the ten messages of the first receive.
    assert finished == min(batch_size, 10)


def test_an_event_that_its_process_has_not_begun_takes_effect_once_and_delays_no_shutdown(
    fifo_app: FifoApp,
) -> None:
    """The process is frozen until the worker no longer reads from its processes."""
    worker = fifo_app.start_worker(concurrency=1)
    fifo_app.wait_until(lambda: " ready." in worker.log_text())
    (process,) = psutil.Process(worker.pid).children()
    process.suspend()
    fifo_app.send(group="a", number=0)
    fifo_app.wait_until(lambda: "Task first" in worker.log_text())
    # In its next turn, the worker's event loop writes the event to the process.
    time.sleep(1)
    os.kill(worker.pid, signal.SIGTERM)
    fifo_app.wait_until(lambda: "Warm shutdown" in worker.log_text())
    # The open long poll ends, and then the worker flushes its pool.
    time.sleep(fifo_app.WAIT_TIME + 2)
    process.resume()
    fifo_app.wait_until_ended(worker, timeout=15)
    assert fifo_app.done()["a"] == [0]
    assert fifo_app.left_on_queue() == 0


@any_batch_size
def test_a_long_poll_that_is_open_at_shutdown_loses_no_message(fifo_app: FifoApp) -> None:
    for _ in range(3):
        worker = fifo_app.start_worker()
        os.kill(worker.pid, signal.SIGTERM)
        fifo_app.send(group="a", number=len(fifo_app.workers))
        fifo_app.wait_until_ended(worker)
        assert fifo_app.in_flight() == 0
    fifo_app.start_worker()
    fifo_app.wait_until_empty()
    assert inversions(fifo_app.done()["a"]) == 0


@pytest.mark.parametrize("signals", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGQUIT,)])
def test_a_cold_shutdown_does_not_break_order(
    fifo_app: FifoApp, signals: tuple[signal.Signals, ...]
) -> None:
    slow = {"step": "second", "what": "sleep:0.3", "times": 1}
    for number in range(6):
        fifo_app.send(group="a", number=number, trouble=slow)
    worker = fifo_app.start_worker()
    fifo_app.wait_until(lambda: bool(fifo_app.done(step="first")))
    for one in signals:
        os.kill(worker.pid, one)
    fifo_app.wait_until_ended(worker)
    fifo_app.expire_leases()
    fifo_app.start_worker()
    fifo_app.wait_until_empty()
    assert inversions(fifo_app.done()["a"]) == 0
    assert set(fifo_app.done()["a"]) == set(range(6))
