"""What a run of the benchmark of the figures has found, and nothing that was not measured in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index of the figures, and how large it is."""

    name: str
    table: str
    megabytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureTimes:
    """All that one run found."""

    conversations: int
    answers: int
    projects: int
    zones: int
    days: int
    rounds: int
    indexes: Sequence[Index]
    measurements: Sequence[Timing]
