"""A worker or a beat that is started again when it has ended, as by a process supervisor."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from embedded.network import free_port
from embedded.processes import ManagedProcess, Supervisor
from embedded.service import celery_command, project_command
from observability.metrics.exporter import PREFIX as METRICS_PREFIX

_APP = "config"
_SHIFTED_APP = "tests.chaos.shifted_clock"
_GRACE_SECONDS = 30.0
_RESTART_SECONDS = 1.0


@dataclass(slots=True, kw_only=True)
class Slot:
    """A worker or a beat. With a `shift` in seconds, its clock is wrong.

    `temporary` is the folder for its temporary files.
    """

    name: str
    arguments: list[str]
    is_process_ready: Callable[[ManagedProcess], bool]
    processes: Supervisor
    environment: Mapping[str, str]
    logs: Path
    temporary: Path
    shift: int = 0
    is_end_expected: bool = False
    process: ManagedProcess | None = None
    _ended_at: float = 0.0
    _has_been_ready: bool = False

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.is_running

    @property
    def is_ready(self) -> bool:
        """Whether the log of the process shows that it is ready."""
        if not self._has_been_ready and self.process is not None:
            self._has_been_ready = self.is_process_ready(self.process)
        return self._has_been_ready

    def start(self) -> None:
        """Start a process, without waiting until it is ready."""
        settings = {
            **self.environment,
            "TMPDIR": str(self.temporary),
            "METRICS_PORT": str(free_port()),
            "CHAOS_CLOCK_SHIFT": str(self.shift),
        }
        app = _SHIFTED_APP if self.shift else _APP
        self.is_end_expected = False
        self._has_been_ready = False
        self._ended_at = 0.0
        self.process = self.processes.start(
            command=project_command(
                self.name,
                celery_command(*self.arguments, app=app),
                environment=settings,
                grace_seconds=_GRACE_SECONDS,
            ),
            log=self.logs / f"{self.name}.log",
        )

    def restart_if_ended(self) -> bool:
        """Start the process again a moment after its end. Return whether it has just ended."""
        if self.process is None or self.process.is_running:
            return False
        if not self._ended_at:
            self._ended_at = time.monotonic()
            return True
        if time.monotonic() > self._ended_at + _RESTART_SECONDS:
            self.start()
        return False

    def stop(self) -> None:
        """Stop the process, as its operator does, and wait for its end."""
        self.is_end_expected = True
        if self.process is not None:
            self.process.stop()

    def kill(self) -> bool:
        """Kill the process and its pool processes. Return whether it was running."""
        if self.process is None or not self.process.is_running:
            return False
        self.is_end_expected = True
        self.process.kill()
        return True

    def terminate(self) -> bool:
        """Send SIGTERM. Return whether the process was running."""
        if self.process is None or not self.process.is_running:
            return False
        self.is_end_expected = True
        os.kill(self.process.pid, signal.SIGTERM)
        return True

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and its pool processes."""
        if self.process is not None and self.process.is_running:
            os.killpg(self.process.pid, number)

    def children(self) -> list[psutil.Process]:
        """Return the pool processes."""
        if self.process is None or not self.process.is_running:
            return []
        try:
            return psutil.Process(self.process.pid).children()
        except psutil.NoSuchProcess:
            return []

    def remove_metrics(self) -> None:
        """Remove the folder with the values of the metrics, in one step."""
        for folder in self.temporary.glob(f"{METRICS_PREFIX}*"):
            shutil.rmtree(folder.rename(self.temporary / f"removed-{folder.name}"))
