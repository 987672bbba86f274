"""What a run of the benchmark of the figures has found, and nothing that was not measured in it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A selector in a scope: its time in each round, and what served its statements.

    `milliseconds` are wall-clock times of the whole selector, with its Python. `counted` is how
    many conversations or answers were in the scope. `scans` name the indexes and tables that
    PostgreSQL read, of the tables that are large.
    """

    scope: str
    selector: str
    counted: int
    milliseconds: Sequence[float]
    scans: Sequence[str]

    @property
    def median(self) -> float:
        """Of the rounds, in milliseconds."""
        return median(self.milliseconds)

    @property
    def slowest(self) -> float:
        """Of the rounds, in milliseconds."""
        return max(self.milliseconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index of the figures, and how large it is."""

    name: str
    table: str
    megabytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FiguresRun:
    """All that one run found, and where it ran.

    `load` is the system's load average over a minute, before and after the measuring: how much
    else the machine was doing.
    """

    command: str
    commit: str
    cores: int
    load: tuple[float, float]
    python: str
    postgresql: str
    conversations: int
    answers: int
    projects: int
    zones: int
    days: int
    rounds: int
    goal_milliseconds: int
    indexes: Sequence[Index]
    measurements: Sequence[Measurement]

    @property
    def beyond_goal(self) -> list[Measurement]:
        """Those whose median is over the goal."""
        return [one for one in self.measurements if one.median > self.goal_milliseconds]

    def as_json(self) -> str:
        """The whole run, indented."""
        return json.dumps(asdict(self), indent=2) + "\n"
