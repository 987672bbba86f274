"""Runs the server as a process of its own, and says what it shall do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from testbed.server.client import ModelServer, running_server
from testbed.sqs.account import ACCOUNT_ID
from testbed.sqs.calls import LoggedCall, call_from_json
from testbed.sqs.faults import FaultKind
from testbed.sqs.polls import MAX_POLL_SECONDS


class SqsServer(ModelServer):
    """A running server. A queue that has vanished stays away when faults are cleared."""

    def queue_url(self, name: str) -> str:
        """The address of a queue, which need not exist."""
        return f"{self.url}/{ACCOUNT_ID}/{name}"

    def advance_clock(self, *, seconds: float) -> None:
        """Lets time pass for visibility, deduplication and retention; long polls wait real time."""
        self.ask("POST", "/clock/advance", seconds=seconds)

    def drop(self, **when: Any) -> None:
        """Closes the connection without an answer; nothing is done."""
        self.add_fault(FaultKind.DROP, **when)

    def hang(self, *, seconds: float, **when: Any) -> None:
        """Gives no answer for that long, then closes the connection; nothing is done."""
        self.add_fault(FaultKind.HANG, seconds=seconds, **when)

    def fail(self, *, status: int, code: str, **when: Any) -> None:
        """Answers with an HTTP status and an error code; nothing is done."""
        self.add_fault(FaultKind.ERROR, status=status, code=code, **when)

    def fail_entries(self, *, status: int, code: str, **when: Any) -> None:
        """Answers batches with 200 and an error for each entry; nothing is done.

        A `status` of 500 or more says that SQS is to blame, not the sender.
        """
        self.add_fault(FaultKind.FAIL_ENTRIES, status=status, code=code, **when)

    def lose_answers(self, **when: Any) -> None:
        """Does what is asked, then closes the connection without an answer."""
        self.add_fault(FaultKind.LOSE_ANSWER, **when)

    def deliver_duplicates(
        self, *, count: int | None = None, duration: float | None = None
    ) -> None:
        """Lets receives hand out what is in flight; those that find nothing do not count."""
        self.add_fault(FaultKind.DUPLICATE, count=count, duration=duration)

    def expire_leases(self, *, queue: str) -> int:
        """Ends the visibility timeouts of all messages in flight; returns how many."""
        return int(self.ask("POST", "/leases/expire", queue=queue))

    def vanish(self, *, queue: str, seconds: float | None = None) -> None:
        """Hides a queue with its messages, for seconds of the server's clock or until `restore`."""
        self.ask("POST", "/queues/vanish", queue=queue, seconds=seconds)

    def restore(self, *, queue: str) -> None:
        """Brings a queue that has vanished back."""
        self.ask("POST", "/queues/restore", queue=queue)

    def calls(self, *, action: str | None = None) -> list[LoggedCall]:
        """All calls since the start or the last reset, or those of one action.

        In the order in which they took effect. The server does nothing else while it answers:
        about a second for 100,000 messages.
        """
        return [call_from_json(call) for call in self.ask("GET", "/calls", action=action)]

    def call_counts(self) -> dict[str, int]:
        """The number of calls by action."""
        counts: dict[str, int] = self.ask("GET", "/calls/counts")
        return counts

    def reset_calls(self) -> None:
        """Empties the log of calls."""
        self.ask("DELETE", "/calls")


@contextmanager
def running_sqs_server(
    *, greedy: bool = False, max_poll_seconds: float = MAX_POLL_SECONDS
) -> Iterator[SqsServer]:
    """A new, empty server on free ports, stopped when the block is left.

    With `greedy`, a receive takes all it can from one group before it goes on to the next; else
    one message of each group in turn. A long poll ends after `max_poll_seconds`.
    Raises ProcessError if it does not start.
    """
    options = [
        "--control",
        "--max-poll-seconds",
        str(max_poll_seconds),
        *(["--greedy"] if greedy else []),
    ]
    with running_server("testbed.sqs", *options) as (url, control_url):
        yield SqsServer(url=url, control_url=control_url)
