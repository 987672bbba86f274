"""What a run of the control bench has found, and nothing that was not counted in it."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.common.journal import Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog(Passage):
    """One backlog through one worker.

    `late_seconds` are those of the second half of the events: what is done to the broker is done
    where it begins. `lost` events took no effect although the queue was empty. `cpu_seconds` are
    those of the worker's processes since it was ready. `publishes` counts the messages that the
    broker took, 0 if it was killed.
    """

    lost: int
    repeated: int
    dead_letters: int
    late_seconds: float
    cpu_seconds: float
    publishes: int

    @property
    def late_events_per_second(self) -> float:
        """Of the second half; 0 if it was not done."""
        return self.done / 2 / self.late_seconds if self.late_seconds else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """The same backlog several times, once in each round, with the same done to the broker."""

    name: str
    backlogs: list[Backlog]

    @property
    def events_per_second(self) -> float:
        """The median of the rounds."""
        return median(one.events_per_second for one in self.backlogs)

    def total(self, count: Callable[[Backlog], float]) -> float:
        """Return the sum of all rounds."""
        return sum(map(count, self.backlogs))

    def ratios_to(self, other: "Variant", rate: Callable[[Backlog], float]) -> list[float]:
        """Return the ratio of a rate, round by round: both were measured within seconds."""
        pairs = zip(map(rate, self.backlogs), map(rate, other.backlogs), strict=True)
        return [mine / theirs for mine, theirs in pairs if theirs]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlCosts:
    """All that one run of the command found. The first variant is what others are compared with."""

    groups: int
    concurrency: int
    variants: list[Variant]
