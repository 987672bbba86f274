"""Runs the model of DynamoDB as a process, and controls it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from testbed.dynamodb.accounts import Usage, Write
from testbed.dynamodb.items import Item
from testbed.server.client import ModelServer, running_server
from testbed.server.faults import FaultKind


class DynamoDbServer(ModelServer):
    """A running model of DynamoDB. `reset_calls` resets usage and writes; items are kept."""

    def throttle(self, **when: Any) -> None:
        """Answer that the throughput of the table is exceeded; the call has no effect."""
        self.fail(status=400, code="ProvisionedThroughputExceededException", **when)

    def fail(self, *, status: int = 500, code: str = "InternalServerError", **when: Any) -> None:
        """Answer with an HTTP status and an error code; the call has no effect."""
        super().fail(status=status, code=code, **when)

    def leave_unprocessed(self, *, share: float, **when: Any) -> None:
        """Leave this share of each batch unprocessed. Refuse a call if that is its whole batch."""
        self.add_fault(FaultKind.UNPROCESSED, share=share, **when)

    def delay(self, *, seconds: float, **when: Any) -> None:
        """Perform the call, and answer after some seconds."""
        self.add_fault(FaultKind.DELAY, seconds=seconds, **when)

    def usage(self, *, table: str) -> dict[str, Usage]:
        """Return the calls and capacity units by action, since the start or the last reset."""
        actions = self.control("GET", "/calls").get(table, {})
        return {action: Usage(**usage) for action, usage in actions.items()}

    def writes(self, *, table: str) -> list[Write]:
        """Return every write of an item, in the order in which they took effect."""
        return [Write(*write) for write in self.control("GET", "/writes", table=table)]

    def count_writes(self, *, table: str) -> int:
        """Return the number of writes."""
        return int(self.control("GET", "/writes/count", table=table))

    def items(self, *, table: str) -> list[Item]:
        """Return all items in DynamoDB's JSON, in the order of their keys; [] without the table."""
        items: list[Item] = self.control("GET", "/items", table=table)
        return items


@contextmanager
def running_dynamodb_server() -> Iterator[DynamoDbServer]:
    """Run an empty server on free ports. Raises ProcessError if it does not start."""
    with running_server("testbed.dynamodb") as (url, control_url):
        yield DynamoDbServer(url=url, control_url=control_url)
