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
from tests.support.sqs_server.account import ACCOUNT_ID
from tests.support.sqs_server.calls import LoggedCall, call_from_json
from tests.support.sqs_server.faults import FaultKind
from tests.support.sqs_server.polls import LONGEST_POLL_SECONDS

_PROJECT_ROOT = Path(__file__).resolve().parents[3]
_START_TIMEOUT_SECONDS = 30.0
_CONTROL_TIMEOUT_SECONDS = 60.0
_ADDRESSES = re.compile(r"^(http://\S+) (http://\S+)$", re.MULTILINE)


class SqsServer:
    """A running server.

    Faults hit the next calls: `count` of them, and those within `duration` real seconds; with
    neither, all until `clear_faults`. `actions` limits them to these actions of SQS.
    """

    def __init__(self, *, url: str, control_url: str) -> None:
        self.url = url
        self.control_url = control_url
        self._session = requests.Session()
        # Without the environment's proxies: the server is on this machine.
        self._session.trust_env = False

    def queue_url(self, name: str) -> str:
        """The address of a queue, which need not exist."""
        return f"{self.url}/{ACCOUNT_ID}/{name}"

    def advance_clock(self, *, seconds: float) -> None:
        """Lets time pass for visibility, deduplication and retention; long polls wait real time."""
        self._ask("POST", "/clock/advance", seconds=seconds)

    def drop(
        self,
        *,
        count: int | None = None,
        duration: float | None = None,
        actions: Sequence[str] = (),
    ) -> None:
        """Closes the connection without an answer; nothing is done."""
        self._add_fault(FaultKind.DROP, count=count, duration=duration, actions=actions)

    def hang(
        self,
        *,
        seconds: float,
        count: int | None = None,
        duration: float | None = None,
        actions: Sequence[str] = (),
    ) -> None:
        """Gives no answer for that long, then closes the connection; nothing is done."""
        self._add_fault(
            FaultKind.HANG, count=count, duration=duration, actions=actions, seconds=seconds
        )

    def fail(
        self,
        *,
        status: int,
        code: str,
        count: int | None = None,
        duration: float | None = None,
        actions: Sequence[str] = (),
    ) -> None:
        """Answers with an HTTP status and an error code; nothing is done."""
        self._add_fault(
            FaultKind.ERROR,
            count=count,
            duration=duration,
            actions=actions,
            status=status,
            code=code,
        )

    def fail_entries(
        self,
        *,
        status: int,
        code: str,
        count: int | None = None,
        duration: float | None = None,
        actions: Sequence[str] = (),
    ) -> None:
        """Answers batches with 200 and an error for each entry; nothing is done.

        A `status` of 500 or more says that SQS is to blame, not the sender.
        """
        self._add_fault(
            FaultKind.FAIL_ENTRIES,
            count=count,
            duration=duration,
            actions=actions,
            status=status,
            code=code,
        )

    def lose_answers(
        self,
        *,
        count: int | None = None,
        duration: float | None = None,
        actions: Sequence[str] = (),
    ) -> None:
        """Does what is asked, then closes the connection without an answer."""
        self._add_fault(FaultKind.LOSE_ANSWER, count=count, duration=duration, actions=actions)

    def deliver_duplicates(
        self, *, count: int | None = None, duration: float | None = None
    ) -> None:
        """Lets receives hand out what is in flight; those that find nothing do not count."""
        self._add_fault(FaultKind.DUPLICATE, count=count, duration=duration, actions=())

    def refuse_connections(self, *, seconds: float | None = None) -> None:
        """Cuts all connections and refuses new ones, until then or until `clear_faults`."""
        self._ask("POST", "/connections/refuse", seconds=seconds)

    def clear_faults(self) -> None:
        """Ends all of the above. A queue that has vanished stays away."""
        self._ask("DELETE", "/faults")

    def expire_leases(self, *, queue: str) -> int:
        """Ends the visibility timeouts of all messages in flight; returns how many."""
        return int(self._ask("POST", "/leases/expire", queue=queue))

    def vanish(self, *, queue: str, seconds: float | None = None) -> None:
        """Hides a queue with its messages, for seconds of the server's clock or until `restore`."""
        self._ask("POST", "/queues/vanish", queue=queue, seconds=seconds)

    def restore(self, *, queue: str) -> None:
        """Brings a queue that has vanished back."""
        self._ask("POST", "/queues/restore", queue=queue)

    def calls(self, *, action: str | None = None) -> list[LoggedCall]:
        """All calls since the start or the last reset, or those of one action.

        In the order in which they took effect. The server does nothing else while it answers:
        about a second for 100,000 messages.
        """
        return [call_from_json(call) for call in self._ask("GET", "/calls", action=action)]

    def call_counts(self) -> dict[str, int]:
        """The number of calls by action."""
        counts: dict[str, int] = self._ask("GET", "/calls/counts")
        return counts

    def reset_calls(self) -> None:
        """Empties the log of calls."""
        self._ask("DELETE", "/calls")

    def close(self) -> None:
        """Closes this program's connection to the control interface."""
        self._session.close()

    def _add_fault(self, kind: FaultKind, **fields: Any) -> None:
        given = {name: value for name, value in fields.items() if value is not None}
        self._ask("POST", "/faults", kind=kind, **given)

    def _ask(self, method: str, path: str, **fields: Any) -> Any:
        response = self._session.request(
            method, self.control_url + path, json=fields, timeout=_CONTROL_TIMEOUT_SECONDS
        )
        if not response.ok:
            raise ValueError(f"{method} {path} was refused: {response.json()}")
        return response.json()


@contextmanager
def running_sqs_server(
    *, greedy: bool = False, longest_poll: float = LONGEST_POLL_SECONDS
) -> Iterator[SqsServer]:
    """A new, empty server on free ports, stopped when the block is left.

    With `greedy`, a receive takes all it can from one group before it goes on to the next; else
    one message of each group in turn. A long poll ends after `longest_poll` seconds at the latest.
    Raises ProcessError if it does not start.
    """
    with supervisor() as processes:
        process = processes.start(
            command=Command(
                name="sqs_server",
                arguments=[
                    *(sys.executable, "-m", "tests.support.sqs_server", "--port", "0"),
                    *("--longest-poll", str(longest_poll)),
                    *(["--greedy"] if greedy else []),
                ],
                environment=os.environ,
                working_directory=_PROJECT_ROOT,
            ),
            log=processes.temporary_directory() / "sqs_server.log",
        )
        process.wait_until_ready(
            is_ready=lambda: _ADDRESSES.search(process.log_text()) is not None,
            timeout_seconds=_START_TIMEOUT_SECONDS,
        )
        addresses = _ADDRESSES.search(process.log_text())
        if addresses is None:
            raise process.error("did not tell its addresses")
        server = SqsServer(url=addresses[1], control_url=addresses[2])
        try:
            yield server
        finally:
            server.close()
