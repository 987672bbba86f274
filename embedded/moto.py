"""DynamoDB and Firehose on the wire: a moto server. It keeps all in memory, nothing on disk."""

import http.client
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from embedded.network import LOOPBACK, free_port
from embedded.processes import Command, ManagedProcess, Supervisor

_START_TIMEOUT_SECONDS = 60.0
_PROBE_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class MotoServer:
    """A moto server on 127.0.0.1."""

    process: ManagedProcess
    port: int

    @property
    def url(self) -> str:
        """The endpoint of every AWS service it stands in for."""
        return f"http://{LOOPBACK}:{self.port}"

    def wait_until_ready(self) -> None:
        """Returns once it answers requests; raises ProcessError if that never happens."""
        self.process.wait_until_ready(
            is_ready=self._answers, timeout_seconds=_START_TIMEOUT_SECONDS
        )

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=_PROBE_TIMEOUT_SECONDS)
        try:
            connection.request("GET", "/moto-api/")
            return connection.getresponse().status == http.client.OK
        except OSError:
            return False
        finally:
            connection.close()


def start_moto(*, supervisor: Supervisor, logs: Path) -> MotoServer:
    """Starts a moto server; does not wait for it."""
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
