"""Runs a model server as a process, and calls its control interface."""

import http.client
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from embedded.processes import Command, supervisor
from testbed.server.faults import FaultKind

_PROJECT_ROOT = Path(__file__).resolve().parents[2]
_START_TIMEOUT_SECONDS = 30.0
_CONTROL_TIMEOUT_SECONDS = 60.0
_ADDRESSES = re.compile(r"^(http://\S+) (http://\S+)$", re.MULTILINE)


class ModelServer:
    """A running server.

    A fault hits the next `count` calls, or all calls within `duration` real seconds, or all calls
    until `clear_faults`. With `actions`, only calls of these actions count. With `share`, the fault
    hits only this fraction of them: the same calls in every run.
    """

    def __init__(self, *, url: str, control_url: str) -> None:
        self.url = url
        self.control_url = control_url

    def refuse_connections(self, *, seconds: float | None = None) -> None:
        """Close all connections and refuse new ones, for some seconds or until `clear_faults`."""
        self.control("POST", "/connections/refuse", seconds=seconds)

    def drop(self, **when: Any) -> None:
        """Close the connection without an answer; the call has no effect."""
        self.add_fault(FaultKind.DROP, **when)

    def hang(self, *, seconds: float, **when: Any) -> None:
        """Close the connection after some seconds without an answer; the call has no effect."""
        self.add_fault(FaultKind.HANG, seconds=seconds, **when)

    def fail(self, *, status: int, code: str, **when: Any) -> None:
        """Answer with an HTTP status and an error code; the call has no effect."""
        self.add_fault(FaultKind.ERROR, status=status, code=code, **when)

    def lose_answers(self, **when: Any) -> None:
        """Perform the call, and close the connection without an answer."""
        self.add_fault(FaultKind.LOSE_ANSWER, **when)

    def clear_faults(self) -> None:
        """End all faults and refusals."""
        self.control("DELETE", "/faults")

    def add_fault(
        self,
        kind: FaultKind,
        *,
        count: int | None = None,
        duration: float | None = None,
        actions: Sequence[str] = (),
        **fields: Any,
    ) -> None:
        """Add a fault. `fields` are further fields of `testbed.server.faults.Fault`."""
        waiting = {"count": count, "duration": duration, "actions": list(actions)}
        self.control("POST", "/faults", kind=kind, **waiting, **fields)

    def reset_calls(self) -> None:
        """Empty the log of calls."""
        self.control("DELETE", "/calls")

    def control(self, method: str, path: str, **fields: Any) -> Any:
        """Return the answer of the control interface. Raises ValueError if it refuses."""
        connection = http.client.HTTPConnection(
            urlsplit(self.control_url).netloc, timeout=_CONTROL_TIMEOUT_SECONDS
        )
        with closing(connection):
            connection.request(method, path, json.dumps(fields))
            response = connection.getresponse()
            answer = json.load(response)
        if response.status != http.client.OK:
            raise ValueError(f"{method} {path} was refused: {answer}")
        return answer


@contextmanager
def running_server(module: str, *options: str) -> Iterator[tuple[str, str]]:
    """Run `python -m MODULE OPTION…`, and yield its address and that of its control interface.

    Raises ProcessError if it does not start.
    """
    name = module.rpartition(".")[2]
    with supervisor() as processes:
        process = processes.start(
            command=Command(
                name=name,
                arguments=[sys.executable, "-m", module, *options],
                environment=os.environ,
                working_directory=_PROJECT_ROOT,
            ),
            log=processes.temporary_directory() / f"{name}.log",
        )
        process.wait_until_ready(
            is_ready=lambda: _ADDRESSES.search(process.log_text()) is not None,
            timeout_seconds=_START_TIMEOUT_SECONDS,
        )
        addresses = _ADDRESSES.search(process.log_text())
        if addresses is None:
            raise process.error("did not write its addresses")
        yield addresses[1], addresses[2]
