"""Runs the model of SQS as a process, and controls it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from testbed.server.client import ModelServer, running_server
from testbed.server.faults import FaultKind
from testbed.sqs.account import ACCOUNT_ID
from testbed.sqs.calls import LoggedCall, call_from_json
from testbed.sqs.polls import MAX_POLL_SECONDS


class SqsServer(ModelServer):
    """A running model of SQS. `clear_faults` does not restore hidden queues."""

    def queue_url(self, name: str) -> str:
        """Return the address of a queue, which need not exist."""
        return f"{self.url}/{ACCOUNT_ID}/{name}"

    def advance_clock(self, *, seconds: float) -> None:
        """Advance the clock of visibility, deduplication and retention, not that of long polls."""
        self.control("POST", "/clock/advance", seconds=seconds)

    def separate_clocks(self, *, queue: str, seconds: float) -> None:
        """Stamp every second message with a time that is some seconds earlier."""
        self.control("POST", "/clock/separate", queue=queue, seconds=seconds)

    def fail_entries(self, *, status: int, code: str, **when: Any) -> None:
        """Answer batches with 200 and an error for each entry; the calls have no effect.

        With a `status` of 500 or more, the error is the receiver's fault, not the sender's.
        """
        self.add_fault(FaultKind.FAIL_ENTRIES, status=status, code=code, **when)

    def deliver_duplicates(self, *, count: int | None = None) -> None:
        """Deliver messages in flight again. Only receives that find such messages count."""
        self.add_fault(FaultKind.DUPLICATE, count=count)

    def expire_leases(self, *, queue: str) -> int:
        """End the leases of all messages in flight. Return their number."""
        return int(self.control("POST", "/leases/expire", queue=queue))

    def vanish(self, *, queue: str, seconds: float | None = None) -> None:
        """Hide a queue for some seconds of the server's clock, or until `restore`."""
        self.control("POST", "/queues/vanish", queue=queue, seconds=seconds)

    def restore(self, *, queue: str) -> None:
        """Show a hidden queue again."""
        self.control("POST", "/queues/restore", queue=queue)

    def calls(self, *, action: str | None = None) -> list[LoggedCall]:
        """Return the calls since the start or the last reset, by default those of all actions.

        They are in the order in which they took effect. The server does nothing else while it
        prepares the log, which takes about a second for 100,000 messages.
        """
        return [call_from_json(call) for call in self.control("GET", "/calls", action=action)]

    def call_counts(self) -> dict[str, int]:
        """Return the number of calls by action."""
        counts: dict[str, int] = self.control("GET", "/calls/counts")
        return counts


@contextmanager
def running_sqs_server(
    *, greedy: bool = False, max_poll_seconds: float = MAX_POLL_SECONDS
) -> Iterator[SqsServer]:
    """Run an empty server on free ports. Raises ProcessError if it does not start.

    With `greedy`, a receive takes as many messages as possible from one group before the next;
    otherwise one message of each group in turn. A long poll ends after `max_poll_seconds`.
    """
    options = [
        "--control",
        "--max-poll-seconds",
        str(max_poll_seconds),
        *(["--greedy"] if greedy else []),
    ]
    with running_server("testbed.sqs", *options) as (url, control_url):
        yield SqsServer(url=url, control_url=control_url)
