"""A warm shutdown that takes too long becomes a cold one."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest
from celery.signals import worker_shutting_down

from celery_sqs_fifo.consuming.deadline import ShutdownDeadline, bound_shutdown


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The signals that this process was sent. They have no effect."""
    sent: list[int] = []
    monkeypatch.setattr(os, "kill", lambda _pid, number: sent.append(number))
    bound_shutdown.cache_clear()
    yield sent
    bound_shutdown.cache_clear()


def wait_for_timers() -> None:
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join()


def test_a_warm_shutdown_becomes_a_cold_one_after_its_deadline(
    signals: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    deadline = ShutdownDeadline(0.01)
    deadline.start()
    deadline.start()
    wait_for_timers()

    assert signals == [signal.SIGQUIT]
    assert [one.message for one in caplog.records] == ["shutdown_deadline_passed"]


def test_a_second_request_to_stop_does_not_start_a_second_deadline(signals: list[int]) -> None:
    assert bound_shutdown(0.01) is bound_shutdown(0.01)
    worker_shutting_down.send(sender="worker", sig="TERM", how="Warm", exitcode=0)
    wait_for_timers()

    assert signals == [signal.SIGQUIT]
