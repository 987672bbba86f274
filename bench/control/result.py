"""The result of the benchmark of worker events and remote control."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.common.journal import WorkerRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog(WorkerRun):
    """The work of one worker on one backlog.

    `late_seconds` is the time of the second half of the events, which begins with the broker's
    fault. `lost` counts events that had no effect and are neither on the queue nor dead letters;
    it is 0 if the queue was not empty. `cpu_seconds` is the CPU time of the worker's processes
    after it was ready. `publishes` counts the messages that the broker accepted; it is 0 if the
    broker had a fault.
    """

    lost: int
    repeated: int
    dead_letters: int
    late_seconds: float
    cpu_seconds: float
    publishes: int

    @property
    def late_events_per_second(self) -> float:
        """The events per second in the second half; 0 if it was not reached."""
        return self.done / 2 / self.late_seconds if self.late_seconds else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """The backlogs of one variant, one for each round."""

    name: str
    backlogs: list[Backlog]

    @property
    def events_per_second(self) -> float:
        """The median of the events per second of all rounds."""
        return median(one.events_per_second for one in self.backlogs)

    def total(self, count: Callable[[Backlog], float]) -> float:
        """Return the sum of a figure over all rounds."""
        return sum(map(count, self.backlogs))

    def ratios_to(self, other: "Variant", rate: Callable[[Backlog], float]) -> list[float]:
        """Return, for each round, the ratio of a rate to that of another variant."""
        pairs = zip(map(rate, self.backlogs), map(rate, other.backlogs), strict=True)
        return [mine / theirs for mine, theirs in pairs if theirs]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlCosts:
    """The result of one run. The other variants are compared with the first."""

    groups: int
    concurrency: int
    variants: list[Variant]
