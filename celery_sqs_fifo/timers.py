"""Free the memory of cancelled timers."""

from heapq import heapify
from typing import Any

# In seconds.
FORGET_EVERY = 30.0


def forget_cancelled(timer: Any) -> None:
    """Remove the cancelled entries from a kombu Timer.

    Celery's time limits set a timer for each task and cancel it when the task ends. kombu keeps a
    cancelled entry until it is due. With a time limit of ten minutes, the worker would keep the
    tasks of the last ten minutes in memory.
    """
    entries = timer._queue
    # In place, because the loop that runs the timer keeps a reference to this list.
    entries[:] = [scheduled for scheduled in entries if not scheduled.entry.canceled]
    heapify(entries)
