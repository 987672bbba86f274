"""What a run has found, and nothing that was not counted in it."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How often order was broken.

    `inversions`: the last step took effect for a later event of a group before an earlier one.
    `begun_early`: an event began while an earlier one of its group, begun in another process, had
    not taken effect. `together`: two steps of a group ran at the same moment.
    """

    inversions: int
    begun_early: int
    together: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """The load phase of one subject; `seconds` from the first step's beginning to the last's end.

    `calls` counts the worker's SQS calls by action.
    """

    sent: int
    done: int
    seconds: float
    calls: dict[str, int]
    order: Order

    @property
    def events_per_second(self) -> float:
        """0 if nothing was done."""
        return self.done / self.seconds if self.seconds else 0.0

    @property
    def calls_per_event(self) -> float:
        """By the events that were done; 0 if none was."""
        return sum(self.calls.values()) / self.done if self.done else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultResult:
    """What a fault did to one subject.

    `exits` are the exit statuses of the workers that ended by themselves (negative: by a signal).
    `gave_up` counts the workers that logged an unrecoverable error, whether or not they ended.
    `was_killed` says that the fault was the end of the worker. `receives_again` says whether an
    event that was sent after the fault took effect without a new worker. `lost` events took no
    effect, and are neither left on the queue, which was empty then, nor dead letters. `unknown`
    ones took no effect, while the queue was not empty. `repeated` counts steps that took effect
    again.
    """

    exits: list[int]
    gave_up: int
    was_killed: bool
    receives_again: bool
    restarts: int
    sent: int
    done: int
    lost: int
    unknown: int
    left: int
    dead_letters: int
    repeated: int
    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPair:
    """The same fault, at the same time, for both."""

    fault: str
    stock: FaultResult
    fifo: FaultResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All that one run of the command found, and where it ran."""

    command: str
    commit: str
    cores: int
    python: str
    celery: str
    kombu: str
    groups: int
    concurrency: int
    fault_groups: int
    fault_step_milliseconds: int
    most_restarts: int
    stock: LoadResult
    fifo: LoadResult
    faults: list[FaultPair]

    def as_json(self) -> str:
        """The whole run, indented."""
        return json.dumps(asdict(self), indent=2) + "\n"
