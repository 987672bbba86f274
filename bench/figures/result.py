"""The result of the figures benchmark."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The times of a selector in a scope, and how PostgreSQL read the large tables.

    `milliseconds` has the wall-clock times of the whole selector, including its Python code.
    `counted` is the number of conversations or answers in the scope. `scans` lists the scans of
    large tables.
    """

    scope: str
    selector: str
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
class FigureTimes:
    """The result of one run."""

    conversations: int
    answers: int
    projects: int
    zones: int
    days: int
    rounds: int
    indexes: Sequence[Index]
    measurements: Sequence[Timing]
