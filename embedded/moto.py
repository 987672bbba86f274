"""DynamoDB and Firehose over HTTP: a moto server, which keeps everything in memory."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from embedded.network import LOOPBACK, free_port
from embedded.processes import Command, Supervisor
from embedded.servers import Server, answers_http


@dataclass(frozen=True, kw_only=True)
class MotoServer(Server):
    """A moto server on 127.0.0.1."""

    start_timeout_seconds: ClassVar[float] = 60.0

    @property
    def url(self) -> str:
        """The endpoint of every AWS service that moto imitates."""
        return f"http://{LOOPBACK}:{self.port}"

    def is_ready(self) -> bool:
        """Whether moto answers requests."""
        return answers_http(port=self.port, path="/moto-api/")


def start_moto(*, supervisor: Supervisor, logs: Path) -> MotoServer:
    """Start a moto server, without waiting for it."""
    port = free_port()
    process = supervisor.start(
        command=Command(
            name="moto",
            arguments=[sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(port)],
            # moto takes its port from this variable, too, and prefers it.
            environment={**os.environ, "MOTO_PORT": str(port)},
            working_directory=logs,
        ),
        log=logs / "moto.log",
    )
    return MotoServer(process=process, port=port)
