"""The deadline of a warm shutdown."""

import logging
import os
import signal
from functools import cache
from threading import Timer
from typing import Any

from celery.signals import worker_shutting_down

logger = logging.getLogger(__name__)


class ShutdownDeadline:
    """Turns a warm shutdown into a cold one when it has taken `seconds`.

    Celery's cold shutdown ends the tasks that run, and their messages are given back.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timer: Timer | None = None

    def start(self, **_signal: Any) -> None:
        """Start the deadline when the worker is told to stop for the first time."""
        if self._timer is None:
            self._timer = Timer(self._seconds, self._pass)
            # A waiting thread must not prevent the process from ending.
            self._timer.daemon = True
            self._timer.start()

    def _pass(self) -> None:
        logger.error("shutdown_deadline_passed", extra={"seconds": self._seconds})
        os.kill(os.getpid(), signal.SIGQUIT)


@cache
def bound_shutdown(seconds: float) -> ShutdownDeadline:
    """Set the deadline of this process once, however often its consumer is restarted."""
    deadline = ShutdownDeadline(seconds)
    worker_shutting_down.connect(deadline.start)
    return deadline
