"""What a run of the control bench has found, and nothing that was not counted in it."""

import json
from dataclasses import asdict, dataclass
from statistics import median

from bench.transport.result import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """One backlog through one worker.

    `seconds` are from the first step's beginning to the last's end, `late_seconds` those of the
    second half of the events: what is done to the broker is done where it begins. `lost` events
    took no effect although the queue was empty. `cpu_seconds` are those of the worker's processes
    since it was ready. `publishes` counts the messages that the broker took, 0 if it was killed.
    """

    sent: int
    done: int
    lost: int
    repeated: int
    dead_letters: int
    seconds: float
    late_seconds: float
    cpu_seconds: float
    publishes: int
    order: Order

    @property
    def events_per_second(self) -> float:
        """0 if nothing was done."""
        return self.done / self.seconds if self.seconds else 0.0

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

    def ratios_to(self, other: "Variant") -> list[float]:
        """Of the events per second, round by round: both were measured within seconds."""
        pairs = zip(self.backlogs, other.backlogs, strict=True)
        return [
            mine.events_per_second / theirs.events_per_second
            for mine, theirs in pairs
            if theirs.events_per_second
        ]

    def late_ratios_to(self, other: "Variant") -> list[float]:
        """As `ratios_to`, of the second half of the events."""
        pairs = zip(self.backlogs, other.backlogs, strict=True)
        return [
            mine.late_events_per_second / theirs.late_events_per_second
            for mine, theirs in pairs
            if theirs.late_events_per_second
        ]

    def cpu_ratio_to(self, other: "Variant") -> float:
        """Of the CPU time of all rounds together."""
        theirs = sum(one.cpu_seconds for one in other.backlogs)
        return sum(one.cpu_seconds for one in self.backlogs) / theirs if theirs else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRun:
    """All that one run of the command found, and where it ran. The first variant is the measure."""

    command: str
    commit: str
    cores: int
    python: str
    celery: str
    kombu: str
    groups: int
    concurrency: int
    load: tuple[float, float]
    variants: list[Variant]

    def as_json(self) -> str:
        """The whole run, indented."""
        return json.dumps(asdict(self), indent=2) + "\n"
