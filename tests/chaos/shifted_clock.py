"""The service's own Celery app in a process whose clock is wrong by CHAOS_CLOCK_SHIFT seconds.

Otherwise, `celery -A tests.chaos.shifted_clock worker` is the same as `celery -A config worker`.
Only the wall clock is wrong. The monotonic clock, which measures intervals, is not changed.
"""

import os
from datetime import UTC, datetime, timedelta

import time_machine

_shift = timedelta(seconds=float(os.environ["CHAOS_CLOCK_SHIFT"]))
time_machine.travel(datetime.now(UTC) + _shift).start()

from config.celery import app  # noqa: E402 (the clock is shifted before any module reads it)

__all__ = ("app",)
