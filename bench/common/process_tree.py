"""What processes and all their children take of the machine."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

import psutil

_MEGABYTE = 1_000_000


def cpu_seconds(roots: Sequence[int]) -> float:
    """User and system time of these processes and their children, those that ended included.

    A child that has ended and was waited for counts within its parent (psutil, `cpu_times`).
    """
    total = 0.0
    for process in _tree(roots):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def resident_megabytes(roots: Sequence[int]) -> float:
    """The resident memory of all of them; pages that they share count for each."""
    total = 0
    for process in _tree(roots):
        with suppress(psutil.NoSuchProcess):
            total += process.memory_info().rss
    return total / _MEGABYTE


def _tree(roots: Iterable[int]) -> Iterator[psutil.Process]:
    for root in roots:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(root)
            yield process
            yield from process.children(recursive=True)
