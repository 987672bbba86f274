"""The common part of the embedded servers: a process, a URL on 127.0.0.1, a readiness check."""

import http.client
from collections.abc import Callable
from dataclasses import dataclass

from embedded.network import LOOPBACK
from embedded.processes import ManagedProcess

_PROBE_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server on 127.0.0.1 that this program has started."""

    process: ManagedProcess
    url: str
    is_ready: Callable[[], bool]
    start_timeout_seconds: float = 30.0

    def wait_until_ready(self) -> None:
        """Wait until the server is ready. Raises ProcessError if it ends or takes too long."""
        self.process.wait_until_ready(
            is_ready=self.is_ready, timeout_seconds=self.start_timeout_seconds
        )


def answers_http(*, port: int, path: str) -> bool:
    """Whether a web server on 127.0.0.1 answers this path without an error."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_PROBE_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < http.client.BAD_REQUEST
    except OSError:
        return False
    finally:
        connection.close()
