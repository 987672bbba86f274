"""The result of the figures benchmark."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The times of the figures of a scope, and how PostgreSQL read the large tables.

    `has_rollups` says whether the days had been rolled up; otherwise the figures came from the rows
    alone. `milliseconds` has the wall-clock times, including Python code. `counted` is the number
    of conversations and answers in the scope. `scans` lists the scans of large tables.
    """

    scope: str
    has_rollups: bool
    counted: int
    milliseconds: Sequence[float]
    scans: Sequence[str]

    @property
    def median(self) -> float:
        """The median time of the rounds, in milliseconds."""
        return median(self.milliseconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index of the figures, and its size."""

    name: str
    table: str
    megabytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollups:
    """How long rolling up the whole year took, and the size of the rollups with their indexes."""

    rows: int
    seconds: float
    megabytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureTimes:
    """The result of one run."""

    conversations: int
    answers: int
    projects: int
    zones: int
    days: int
    rounds: int
    rollups: Rollups
    indexes: Sequence[Index]
    measurements: Sequence[Timing]
