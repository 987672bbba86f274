"""Measures the CPU time and memory of processes and all their children."""

from collections.abc import Iterable, Iterator
from contextlib import suppress

import psutil

_MEGABYTE = 1_000_000


def cpu_seconds(roots: Iterable[int]) -> float:
    """Return the user and system time of these processes and all their children, in seconds.

    The time of a child that has ended is part of its parent's (psutil, `cpu_times`).
    """
    total = 0.0
    for process in _tree(roots):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def own_cpu_seconds(pid: int) -> float:
    """Return the user and system time of a process, without its children, in seconds."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def resident_megabytes(roots: Iterable[int]) -> float:
    """Return the resident memory of these processes and all their children, in megabytes.

    A page that several processes share counts once for each of them.
    """
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
