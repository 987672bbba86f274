"""Runs a model server as a process of its own, and speaks to its control interface."""

import http.client
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from embedded.processes import Command, supervisor

_PROJECT_ROOT = Path(__file__).resolve().parents[2]
_START_TIMEOUT_SECONDS = 30.0
_CONTROL_TIMEOUT_SECONDS = 60.0
_ADDRESSES = re.compile(r"^(http://\S+) (http://\S+)$", re.MULTILINE)


class ModelServer:
    """A running server.

    Faults hit the next calls: `count` of them, and those within `duration` real seconds; with
    neither, all until `clear_faults`. `actions` limits them to these actions of the service.
    """

    def __init__(self, *, url: str, control_url: str) -> None:
        self.url = url
        self.control_url = control_url

    def refuse_connections(self, *, seconds: float | None = None) -> None:
        """Cuts all connections and refuses new ones, until then or until `clear_faults`."""
        self.ask("POST", "/connections/refuse", seconds=seconds)

    def clear_faults(self) -> None:
        """Ends all faults and refusals."""
        self.ask("DELETE", "/faults")

    def add_fault(
        self,
        kind: StrEnum,
        *,
        count: int | None = None,
        duration: float | None = None,
        actions: Sequence[str] = (),
        **fields: Any,
    ) -> None:
        """Has a fault wait for calls; `fields` are those of the server's own kinds."""
        waiting = {"count": count, "duration": duration, "actions": list(actions)}
        self.ask("POST", "/faults", kind=kind, **waiting, **fields)

    def ask(self, method: str, path: str, **fields: Any) -> Any:
        """What the control interface answers. Raises ValueError if it refuses."""
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
    """`python -m module` with options, until the block is left: its address and the control's.

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
            raise process.error("did not tell its addresses")
        yield addresses[1], addresses[2]
