"""SQS on the wire: the strict server of the test bed, in memory, without its control interface.

Not moto's: when the visibility timeouts of several messages of a group have run out, as after a
SIGKILL, moto hands out the last of them first (`tests/integration/test_sqs_server_contract.py`).
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from embedded.network import LOOPBACK, free_port
from embedded.processes import Command, ManagedProcess, Supervisor

_PROJECT_ROOT = Path(__file__).resolve().parent.parent
_START_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class LocalSqs:
    """The server, on 127.0.0.1."""

    process: ManagedProcess
    port: int

    @property
    def url(self) -> str:
        """Its endpoint."""
        return f"http://{LOOPBACK}:{self.port}"

    def wait_until_ready(self) -> None:
        """Returns once it listens; raises ProcessError if that never happens."""
        self.process.wait_until_ready(
            is_ready=lambda: self.url in self.process.log_text(),
            timeout_seconds=_START_TIMEOUT_SECONDS,
        )


def start_sqs(*, supervisor: Supervisor, logs: Path) -> LocalSqs:
    """Starts the server; does not wait for it.

    As a process, like the other servers: the test bed uses this package, so this package must not
    import the test bed.
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
