"""The result of a run. Every value was measured in the run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from tests.chaos.backlog import Drain
from tests.chaos.latency import Latency


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine and the versions of a run."""

    cores: int
    memory_gigabytes: float
    python: str
    postgresql: str
    celery: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosRun:
    """The result of a run.

    `faults` counts how often each fault began, `kills` the killed processes by kind, `defects` the
    defects by kind. `unexpected_exits` counts ready processes that ended by themselves,
    `failed_starts` processes that ended before they were ready. `drain_seconds` is the time after
    the load until nothing waited.
    """

    command: str
    seed: int
    commit: str
    machine: Machine
    seconds: float
    workers: int
    concurrency: int
    groups: int
    events: int
    kinds: Mapping[str, int]
    kills: Mapping[str, int]
    terminations: int
    deadlocks: int
    failed_starts: int
    unexpected_exits: int
    defects: Mapping[str, int]
    faults: Mapping[str, int]
    drains: Sequence[Drain]
    drain_seconds: float
    quiet: Latency
    overall: Latency

    @property
    def is_clean(self) -> bool:
        """Whether there was neither a defect nor an unexpected exit."""
        return not any(self.defects.values()) and not self.unexpected_exits

    def as_json(self) -> str:
        """Return the run as JSON, with the counts of defects at the top level."""
        document = asdict(self)
        for name in ("seed", "events", "kills", "defects", "drains", "quiet", "overall"):
            del document[name]
        ordered = {
            "seed": self.seed,
            "events": self.events,
            "kills": sum(self.kills.values()),
            **self.defects,
            "kills_by_kind": self.kills,
            **document,
            "drain_seconds_after_each": [drain._asdict() for drain in self.drains],
            "latency_milliseconds": {
                "no_fault": self.quiet._asdict(),
                "overall": self.overall._asdict(),
            },
        }
        return json.dumps(ordered, indent=2) + "\n"
