"""Timers that were cancelled, and still take up memory."""

from heapq import heapify
from typing import Any

# Celery's time limits set a timer for each task, and cancel it when the task ends.
FORGET_EVERY = 30.0


def forget_cancelled(timer: Any) -> None:
    """Drop them from a kombu Timer; the others stay, in their order.

    A cancelled entry stays in the timer's heap until its time comes, so a time limit of ten minutes
    keeps ten minutes' tasks in memory.
    """
    entries = timer._queue
    # In place: the loop that goes through the timer holds on to this list.
    entries[:] = [scheduled for scheduled in entries if not scheduled.entry.canceled]
    heapify(entries)
