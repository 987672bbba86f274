"""Measures how busy the whole machine is."""

from typing import NamedTuple

import psutil


class _Times(NamedTuple):
    """Seconds of CPU time since the machine started, of all cores together."""

    idle: float
    total: float


class MachineUsage:
    """The use of the machine's CPUs since this object was made."""

    def __init__(self) -> None:
        self._begun = _times()

    def busy(self) -> float:
        """Return the share of the CPU time in which the machine worked, from 0 to 1."""
        now = _times()
        idle, total = now.idle - self._begun.idle, now.total - self._begun.total
        return 1 - idle / total


def _times() -> _Times:
    times = psutil.cpu_times()
    # The CPU is idle while a process waits for the disk, too. The time of guests is part of `user`.
    idle = times.idle + times.iowait
    worked = times.user + times.nice + times.system + times.irq + times.softirq + times.steal
    return _Times(idle=idle, total=idle + worked)
