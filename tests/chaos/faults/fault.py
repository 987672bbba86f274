"""The definition of a fault: one or more strikes on servers or processes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from testbed.dynamodb import DynamoDbServer
from testbed.sqs import SqsServer
from tests.chaos.faults.sessions import Sessions
from tests.chaos.fleet import Fleet
from tests.chaos.servers import Servers


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The servers and processes that faults act on.

    `sessions` opens sessions of other clients of PostgreSQL. `projects` has the projects' UUIDs.
    """

    servers: Servers
    fleet: Fleet
    sessions: Sessions
    projects: Sequence[str]

    @property
    def sqs(self) -> SqsServer:
        """The model of SQS."""
        return self.servers.sqs_server

    @property
    def dynamodb(self) -> DynamoDbServer:
        """The model of DynamoDB."""
        return self.servers.dynamodb

    def project(self, choice: int) -> str:
        """Return the project with this number, modulo the number of projects."""
        return self.projects[choice % len(self.projects)]

    def heal(self) -> None:
        """End all faults, even those that the schedule would end later."""
        servers = self.servers
        self.sqs.clear_faults()
        self.dynamodb.clear_faults()
        servers.sts.answer()
        servers.postgres.start()
        servers.valkey.start()
        servers.lake.bring_up()
        self.fleet.heal()
        self.sessions.end()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """The details of one strike.

    `choice` is a random number that selects the process or project. `seconds` is how long the
    effect lasts.
    """

    choice: int
    seconds: float


Strike = Callable[[Target, Hit], object]


class Concern(Enum):
    """Which events a fault may delay. ONE_PROJECT is the project that `Hit.choice` selects."""

    ALL_EVENTS = auto()
    ONE_PROJECT = auto()
    NO_EVENT = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault: `times` strikes, spread evenly over `seconds`.

    `ends_with` is called at the end of the fault; without it, each strike ends by itself. A fault
    that `keeps_its_length` is not shortened in short runs. In a run in which each fault happens
    alone, no other fault begins within `rest` seconds after the end of this one.
    """

    name: str
    seconds: float
    strike: Strike
    times: int = 1
    ends_with: Strike | None = None
    keeps_its_length: bool = False
    rest: float = 0.0
    concerns: Concern = Concern.ALL_EVENTS
