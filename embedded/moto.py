"""DynamoDB and Firehose over HTTP: a moto server, which keeps everything in memory."""

import os
import sys
from functools import partial
from pathlib import Path

from embedded.network import LOOPBACK, free_port
from embedded.processes import Command, Supervisor
from embedded.servers import Server, answers_http


def start_moto(*, supervisor: Supervisor, logs: Path) -> Server:
    """Start a moto server, without waiting for it. Its AWS services share one URL."""
    port = free_port()
    process = supervisor.start(
        command=Command(
            name="moto",
            arguments=[sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(port)],
            # moto also reads its port from this variable, which takes precedence.
            environment={**os.environ, "MOTO_PORT": str(port)},
            working_directory=logs,
        ),
        log=logs / "moto.log",
    )
    return Server(
        process=process,
        url=f"http://{LOOPBACK}:{port}",
        is_ready=partial(answers_http, port=port, path="/moto-api/"),
        start_timeout_seconds=60.0,
    )
