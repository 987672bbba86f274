"""The result of one run or several. Every value was measured."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version

import psutil

from bench.common.run import revision
from tests.chaos.backlog import Drain
from tests.chaos.latency import Latency
from tests.chaos.meanwhile import Wait
from tests.chaos.recovery import Recovery


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosRun:
    """The result of a run with one seed.

    `faults` counts how often each fault struck, `kills` the killed processes by kind, `defects` the
    defects by kind. `unexpected_exits` counts ready processes that ended by themselves,
    `failed_starts` processes that ended before they were ready. `lanes` is the number of faults
    that could happen at the same time; with 1, each fault happened alone. The end of the run, when
    all happen at once, is not included. `drain_seconds` is the time after the load until nothing
    waited.
    """

    seed: int
    postgresql: str
    seconds: float
    rate: float
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
    lanes: int
    drains: Sequence[Drain]
    recoveries: Sequence[Recovery]
    waits: Sequence[Wait]
    ticked_under_lag: bool | None
    drain_seconds: float
    quiet: Latency
    overall: Latency

    @property
    def standstills(self) -> dict[str, int]:
        """How often events or ticks stood still for too long during or after a fault, by kind.

        All counts are 0 if several faults happened at the same time, because the cause of a
        standstill is then unknown.
        """
        alone = self.lanes == 1
        return {
            "slow_recoveries": alone * sum(one.is_too_slow for one in self.recoveries),
            "waits_without_a_reason": alone * sum(one.is_too_long for one in self.waits),
            "lags_without_a_tick": alone * (self.ticked_under_lag is False),
        }

    @property
    def is_clean(self) -> bool:
        """Whether there was neither a defect nor an unexpected exit nor a standstill."""
        return not any((*self.defects.values(), self.unexpected_exits, *self.standstills.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosResult:
    """One run or several, with the command, the commit and the machine on which they were made."""

    command: str
    commit: str
    cores: int
    memory_gigabytes: float
    python: str
    celery: str
    runs: Sequence[ChaosRun]

    @classmethod
    def of(cls, runs: Sequence[ChaosRun], *, command: str) -> "ChaosResult":
        """Return the result of runs that were made just now, on this machine."""
        return cls(
            command=command,
            commit=revision(),
            cores=os.cpu_count() or 0,
            memory_gigabytes=psutil.virtual_memory().total / 1e9,
            python=platform.python_version(),
            celery=version("celery"),
            runs=runs,
        )

    @property
    def is_clean(self) -> bool:
        """Whether every run was clean."""
        return all(run.is_clean for run in self.runs)

    def as_json(self) -> str:
        """Return the result as JSON, with the counts of all runs together at the top level."""
        first = self.runs[0]
        ordered = {
            "seeds": [run.seed for run in self.runs],
            "events": sum(run.events for run in self.runs),
            "kills": sum(sum(run.kills.values()) for run in self.runs),
            **{kind: sum(run.defects[kind] for run in self.runs) for kind in first.defects},
            "unexpected_exits": sum(run.unexpected_exits for run in self.runs),
            **{kind: sum(run.standstills[kind] for run in self.runs) for kind in first.standstills},
            **asdict(self),
        }
        return json.dumps(ordered, indent=2) + "\n"
