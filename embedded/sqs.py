"""SQS over HTTP: the strict server of the test bed, in memory, without its control interface.

Not moto's: when the visibility timeouts of several messages of a group have run out, as after a
SIGKILL, moto delivers the last of them first (`tests/integration/test_sqs_server_contract.py`).
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from embedded.network import LOOPBACK, free_port
from embedded.processes import Command, Supervisor
from embedded.servers import Server

_PROJECT_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class LocalSqs(Server):
    """The strict SQS server on 127.0.0.1."""

    @property
    def url(self) -> str:
        """The endpoint of SQS."""
        return f"http://{LOOPBACK}:{self.port}"

    def is_ready(self) -> bool:
        """Whether the server has written the address on which it listens."""
        return self.url in self.process.log_text()


def start_sqs(*, supervisor: Supervisor, logs: Path) -> LocalSqs:
    """Start the server, without waiting for it.

    It is a process, like the other servers: the test bed imports this package, so this package must
    not import the test bed.
    """
    port = free_port()
    process = supervisor.start(
        command=Command(
            name="sqs",
            arguments=[sys.executable, "-m", "testbed.sqs", "--port", str(port)],
            environment=os.environ,
            working_directory=_PROJECT_ROOT,
        ),
        log=logs / "sqs.log",
    )
    return LocalSqs(process=process, port=port)
