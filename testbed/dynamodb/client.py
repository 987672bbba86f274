"""Runs the server as a process of its own, and says what it shall do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from testbed.dynamodb.accounts import Usage, Write
from testbed.dynamodb.faults import FaultKind
from testbed.dynamodb.items import Item
from testbed.server.client import ModelServer, running_server


class DynamoDbServer(ModelServer):
    """A running server.

    `share` (over 0, up to 1) of the calls that a fault may hit are hit, chosen at random in the
    same way each time.
    """

    def throttle(self, *, share: float = 1.0, **when: Any) -> None:
        """Answers that a table's throughput is exceeded; nothing is done."""
        code = "ProvisionedThroughputExceededException"
        self.add_fault(FaultKind.ERROR, share=share, status=400, code=code, **when)

    def fail(
        self,
        *,
        status: int = 500,
        code: str = "InternalServerError",
        share: float = 1.0,
        **when: Any,
    ) -> None:
        """Answers with an HTTP status and an error code; nothing is done."""
        self.add_fault(FaultKind.ERROR, share=share, status=status, code=code, **when)

    def leave_unprocessed(self, *, share: float, **when: Any) -> None:
        """Gives that share of each batch back; a batch of which nothing is left is throttled."""
        self.add_fault(FaultKind.UNPROCESSED, share=share, **when)

    def drop(self, *, share: float = 1.0, **when: Any) -> None:
        """Closes the connection without an answer; nothing is done."""
        self.add_fault(FaultKind.DROP, share=share, **when)

    def hang(self, *, seconds: float, share: float = 1.0, **when: Any) -> None:
        """Gives no answer for that long, then closes the connection; nothing is done."""
        self.add_fault(FaultKind.HANG, share=share, seconds=seconds, **when)

    def delay(self, *, seconds: float, share: float = 1.0, **when: Any) -> None:
        """Does what is asked, and answers that much later."""
        self.add_fault(FaultKind.DELAY, share=share, seconds=seconds, **when)

    def lose_answers(self, *, share: float = 1.0, **when: Any) -> None:
        """Does what is asked, then closes the connection without an answer."""
        self.add_fault(FaultKind.LOSE_ANSWER, share=share, **when)

    def usage(self, *, table: str) -> dict[str, Usage]:
        """Calls and capacity units by action, since the start or the last reset."""
        actions = self.ask("GET", "/calls").get(table, {})
        return {action: Usage(**usage) for action, usage in actions.items()}

    def writes(self, *, table: str) -> list[Write]:
        """Every put of an item, in the order in which they took effect."""
        return [Write(*write) for write in self.ask("GET", "/writes", table=table)]

    def count_writes(self, *, table: str) -> int:
        """How many those are."""
        return int(self.ask("GET", "/writes/count", table=table))

    def reset_calls(self) -> None:
        """Forgets usage and writes; items stay."""
        self.ask("DELETE", "/calls")

    def items(self, *, table: str) -> list[Item]:
        """All items in DynamoDB's JSON, by partition and sort key; none if there is no table."""
        items: list[Item] = self.ask("GET", "/items", table=table)
        return items


@contextmanager
def running_dynamodb_server() -> Iterator[DynamoDbServer]:
    """A new, empty server on free ports, stopped when the block is left.

    Raises ProcessError if it does not start.
    """
    with running_server("testbed.dynamodb") as (url, control_url):
        yield DynamoDbServer(url=url, control_url=control_url)
