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
    """What this process was sent."""
    sent: list[int] = []
    monkeypatch.setattr(os, "kill", lambda _pid, number: sent.append(number))
    bound_shutdown.cache_clear()
    yield sent
    bound_shutdown.cache_clear()


def wait_for_timers() -> None:
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join()


def test_after_its_time_the_worker_is_told_to_end_what_runs(
    signals: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    deadline = ShutdownDeadline(0.01)
    deadline.start()
    deadline.start()
    wait_for_timers()

    assert signals == [signal.SIGQUIT]
    assert [one.message for one in caplog.records] == ["shutdown_deadline_passed"]


def test_a_worker_that_is_told_to_stop_has_one_deadline(signals: list[int]) -> None:
    assert bound_shutdown(0.01) is bound_shutdown(0.01)
    worker_shutting_down.send(sender="worker", sig="TERM", how="Warm", exitcode=0)
    wait_for_timers()

    assert signals == [signal.SIGQUIT]
