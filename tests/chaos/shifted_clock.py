"""The service's own Celery app in a process whose clock is wrong by CHAOS_CLOCK_SHIFT seconds.

`celery -A tests.chaos.shifted_clock worker` is otherwise `celery -A config worker`. It replaces
`apps.common.clock.now` before other modules import it.
"""

import os
from datetime import datetime, timedelta

from apps.common import clock

_now = clock.now
_shift = timedelta(seconds=float(os.environ["CHAOS_CLOCK_SHIFT"]))


def _shifted_now() -> datetime:
    return _now() + _shift


clock.now = _shifted_now

from config.celery import app  # noqa: E402 (tasks import the clock, which must be shifted before)

__all__ = ("app",)
