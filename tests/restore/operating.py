"""The operator of a drill, who follows the runbook: the commands, the worker and beat."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime
from typing import Any

from embedded.environment import with_settings
from embedded.processes import ManagedProcess, ProcessError
from embedded.service import PROJECT_ROOT, running_beat, running_worker
from tests.restore.servers import RestoreServers

_TIMEOUT_SECONDS = 300.0
_POLL_SECONDS = 0.2
_CONCURRENCY = 2

Findings = Mapping[str, list[dict[str, str]]]


class Service:
    """The worker and beat, started by the documented commands."""

    # `supervise` raises an error as soon as one of them has ended.
    all_ready = True

    def __init__(self, servers: RestoreServers) -> None:
        self._environment, self._logs = servers.environment, servers.logs
        self._running: dict[str, tuple[ManagedProcess, ExitStack]] = {}

    @contextmanager
    def running(self) -> Iterator["Service"]:
        """Start both, and stop what runs at the end of the block. Raises ProcessError."""
        try:
            self.start()
            yield self
        finally:
            self.stop()

    def start(self) -> None:
        """Start both, and wait until the worker is ready. Raises ProcessError."""
        self._start(
            "worker",
            running_worker(
                environment=self._environment, logs=self._logs, concurrency=_CONCURRENCY
            ),
        )
        self.start_beat()

    def start_beat(self) -> None:
        """Start beat."""
        self._start("beat", running_beat(environment=self._environment, logs=self._logs))

    def stop(self) -> None:
        """Stop beat, then the worker, with SIGTERM."""
        self.stop_beat()
        self._stop("worker")

    def stop_beat(self) -> None:
        """Stop beat, if it runs."""
        self._stop("beat")

    def supervise(self) -> None:
        """Raise ProcessError if a process has ended by itself."""
        for process, _ in self._running.values():
            process.check()

    def watch(self, *, seconds: float) -> None:
        """Supervise the processes for some seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.supervise()
            time.sleep(_POLL_SECONDS)

    def _start(self, name: str, running: AbstractContextManager[ManagedProcess]) -> None:
        exits = ExitStack()
        self._running[name] = exits.enter_context(running), exits

    def _stop(self, name: str) -> None:
        if name in self._running:
            _, exits = self._running.pop(name)
            exits.close()


def doctor(servers: RestoreServers, *, restored_to: datetime) -> Findings:
    """Return the findings of `doctor --after-restore` by check. Raises ProcessError."""
    output = _manage(
        servers, "doctor", "--json", "--after-restore", restored_to.isoformat(), statuses=(0, 1)
    )
    findings: dict[str, list[dict[str, str]]] = {}
    for finding in json.loads(output)["findings"]:
        findings.setdefault(finding["check"], []).append(finding)
    return findings


def reconcile(servers: RestoreServers, *, restored_to: datetime) -> str:
    """Run `conversations reconcile`. Return its output. Raises ProcessError."""
    since = restored_to.isoformat()
    return _manage(servers, "conversations", "reconcile", "--since", since, "--yes")


def _manage(servers: RestoreServers, *arguments: str, statuses: tuple[int, ...] = (0,)) -> str:
    done: subprocess.CompletedProcess[Any] = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT_ROOT,
        env=with_settings(servers.environment),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode not in statuses:
        raise ProcessError(f"manage.py {arguments[0]} failed: {done.stdout}{done.stderr}")
    return str(done.stdout)
