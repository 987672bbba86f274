"""All that one run found, and where it ran; nothing that was not measured in it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from tests.chaos.backlog import Drain
from tests.chaos.latency import Latency


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the run ran on."""

    cores: int
    memory_gigabytes: float
    python: str
    postgresql: str
    celery: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosRun:
    """`faults` counts how often each was begun, `kills` what was killed, by kind.

    `defects` has a count for each kind. `unexpected_exits` are processes at work that ended though
    nobody ended them, `failed_starts` those that gave up before they had begun. `drain_seconds` is
    what the last of all took, until nothing waited any more.
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
        """Whether the service has kept its promise."""
        return not any(self.defects.values()) and not self.unexpected_exits

    def as_json(self) -> str:
        """The whole run, the counts of defects at the top level."""
        document = asdict(self)
        for name in ("seed", "events", "kills", "defects", "drains", "quiet", "overall"):
            del document[name]
        told = {
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
        return json.dumps(told, indent=2) + "\n"
