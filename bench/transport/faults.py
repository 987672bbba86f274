"""The faults. Each happens alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from testbed.sqs import SqsServer

FAULT_SECONDS = 2.0
FOREIGN_BODY = '{"properties": {"color": "green"}, "order": 7}'


def no_fault_on_server(_server: SqsServer) -> None:
    """Do nothing: the fault is in an event or the worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault of the server for some seconds, of one event, or of the worker."""

    name: str
    on_server: Callable[[SqsServer], None] = no_fault_on_server
    trouble: tuple[str, int] | None = None
    has_foreign_body: bool = False
    kills_worker: bool = False


FAULTS: Sequence[Fault] = (
    Fault(
        name="connections refused for 2 s",
        on_server=lambda server: server.refuse_connections(seconds=FAULT_SECONDS),
    ),
    Fault(
        name="receives answered with 500 for 2 s",
        on_server=lambda server: server.fail(
            status=500, code="InternalError", duration=FAULT_SECONDS, actions=["ReceiveMessage"]
        ),
    ),
    Fault(
        name="all calls throttled for 2 s",
        on_server=lambda server: server.fail(
            status=400, code="RequestThrottled", duration=FAULT_SECONDS
        ),
    ),
    Fault(name="a foreign JSON body with `properties`", has_foreign_body=True),
    Fault(name="the second step raises twice for one event", trouble=("raise", 2)),
    Fault(name="a pool process is killed in the second step", trouble=("die", 1)),
    Fault(name="the worker is killed", kills_worker=True),
)
