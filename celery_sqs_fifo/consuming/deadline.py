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
    """Turns a warm shutdown into a cold shutdown after `seconds`.

    A cold shutdown ends the running tasks and returns their messages to SQS.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timer: Timer | None = None

    def start(self, **_signal: Any) -> None:
        """Start the deadline at the first shutdown signal; ignore later signals."""
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
    """Set the shutdown deadline of this process, only once even if the consumer restarts."""
    deadline = ShutdownDeadline(seconds)
    worker_shutting_down.connect(deadline.start)
    return deadline
