"""The use of the machine is the share of CPU time in which it was not idle."""

from types import SimpleNamespace

import psutil
import pytest

from bench.common.machine import MachineUsage


def times(**seconds: float) -> SimpleNamespace:
    """Return CPU times, as psutil has them, with zeros for those not given."""
    names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    return SimpleNamespace(**dict.fromkeys(names, 0.0) | seconds)


def test_only_idle_time_and_waiting_for_the_disk_are_free(monkeypatch: pytest.MonkeyPatch) -> None:
    later = times(user=13.0, nice=1.0, system=1.0, softirq=1.0, steal=1.0, idle=102.0, iowait=1.0)
    seen = iter([times(user=10.0, idle=100.0), later])
    monkeypatch.setattr(psutil, "cpu_times", lambda: next(seen))

    # It worked for 7 of 10 seconds.
    assert MachineUsage().busy() == pytest.approx(0.7)
