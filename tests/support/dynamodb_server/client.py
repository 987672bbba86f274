"""Runs the server as a process of its own, and speaks to its control interface."""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from embedded.processes import Command, supervisor
from tests.support.dynamodb_server.accounts import Usage, Write
from tests.support.dynamodb_server.faults import FaultKind
from tests.support.dynamodb_server.items import Item

_PROJECT_ROOT = Path(__file__).resolve().parents[3]
_START_TIMEOUT_SECONDS = 30.0
_CONTROL_TIMEOUT_SECONDS = 60.0
_ADDRESSES = re.compile(r"^(http://\S+) (http://\S+)$", re.MULTILINE)


class DynamoDbServer:
    """A running server.

    Faults hit the next calls: `count` of them, and those within `duration` real seconds; with
    neither, all until `clear_faults`. `actions` limits them to these actions of DynamoDB, `share`
    (over 0, up to 1) to so many of them, chosen at random in the same way each time.
    """

    def __init__(self, *, url: str, control_url: str) -> None:
        self.url = url
        self.control_url = control_url
        self._session = requests.Session()
        # Without the environment's proxies: the server is on this machine.
        self._session.trust_env = False

    def throttle(self, *, share: float = 1.0, **when: Any) -> None:
        """Answers that a table's throughput is exceeded; nothing is done."""
        code = "ProvisionedThroughputExceededException"
        self._add_fault(FaultKind.ERROR, share=share, status=400, code=code, **when)

    def fail(
        self,
        *,
        status: int = 500,
        code: str = "InternalServerError",
        share: float = 1.0,
        **when: Any,
    ) -> None:
        """Answers with an HTTP status and an error code; nothing is done."""
        self._add_fault(FaultKind.ERROR, share=share, status=status, code=code, **when)

    def leave_unprocessed(self, *, share: float, **when: Any) -> None:
        """Gives that share of each batch back; a batch of which nothing is left is throttled."""
        self._add_fault(FaultKind.UNPROCESSED, share=share, **when)

    def drop(self, *, share: float = 1.0, **when: Any) -> None:
        """Closes the connection without an answer; nothing is done."""
        self._add_fault(FaultKind.DROP, share=share, **when)

    def hang(self, *, seconds: float, share: float = 1.0, **when: Any) -> None:
        """Gives no answer for that long, then closes the connection; nothing is done."""
        self._add_fault(FaultKind.HANG, share=share, seconds=seconds, **when)

    def delay(self, *, seconds: float, share: float = 1.0, **when: Any) -> None:
        """Does what is asked, and answers that much later."""
        self._add_fault(FaultKind.DELAY, share=share, seconds=seconds, **when)

    def lose_answers(self, *, share: float = 1.0, **when: Any) -> None:
        """Does what is asked, then closes the connection without an answer."""
        self._add_fault(FaultKind.LOSE_ANSWER, share=share, **when)

    def refuse_connections(self, *, seconds: float | None = None) -> None:
        """Cuts all connections and refuses new ones, until then or until `clear_faults`."""
        self._ask("POST", "/connections/refuse", seconds=seconds)

    def clear_faults(self) -> None:
        """Ends all of the above."""
        self._ask("DELETE", "/faults")

    def usage(self, *, table: str) -> dict[str, Usage]:
        """Calls and capacity units by action, since the start or the last reset."""
        actions = self._ask("GET", "/calls").get(table, {})
        return {action: Usage(**usage) for action, usage in actions.items()}

    def writes(self, *, table: str) -> list[Write]:
        """Every put of an item, in the order in which they took effect."""
        return [Write(*write) for write in self._ask("GET", "/writes", table=table)]

    def count_writes(self, *, table: str) -> int:
        """How many those are."""
        return int(self._ask("GET", "/writes/count", table=table))

    def reset_calls(self) -> None:
        """Forgets usage and writes; items stay."""
        self._ask("DELETE", "/calls")

    def items(self, *, table: str) -> list[Item]:
        """All items in DynamoDB's JSON, by partition and sort key; none if there is no table."""
        items: list[Item] = self._ask("GET", "/items", table=table)
        return items

    def close(self) -> None:
        """Closes this program's connection to the control interface."""
        self._session.close()

    def _add_fault(
        self,
        kind: FaultKind,
        *,
        count: int | None = None,
        duration: float | None = None,
        actions: Sequence[str] = (),
        **fields: Any,
    ) -> None:
        self._ask(
            "POST",
            "/faults",
            kind=kind,
            count=count,
            duration=duration,
            actions=list(actions),
            **fields,
        )

    def _ask(self, method: str, path: str, **fields: Any) -> Any:
        response = self._session.request(
            method, self.control_url + path, json=fields, timeout=_CONTROL_TIMEOUT_SECONDS
        )
        if not response.ok:
            raise ValueError(f"{method} {path} was refused: {response.json()}")
        return response.json()


@contextmanager
def running_dynamodb_server() -> Iterator[DynamoDbServer]:
    """A new, empty server on free ports, stopped when the block is left.

    Raises ProcessError if it does not start.
    """
    with supervisor() as processes:
        process = processes.start(
            command=Command(
                name="dynamodb_server",
                arguments=[sys.executable, "-m", "tests.support.dynamodb_server"],
                environment=os.environ,
                working_directory=_PROJECT_ROOT,
            ),
            log=processes.temporary_directory() / "dynamodb_server.log",
        )
        process.wait_until_ready(
            is_ready=lambda: _ADDRESSES.search(process.log_text()) is not None,
            timeout_seconds=_START_TIMEOUT_SECONDS,
        )
        addresses = _ADDRESSES.search(process.log_text())
        if addresses is None:
            raise process.error("did not tell its addresses")
        server = DynamoDbServer(url=addresses[1], control_url=addresses[2])
        try:
            yield server
        finally:
            server.close()
