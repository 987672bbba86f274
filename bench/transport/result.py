"""What a run has found, and nothing that was not counted in it."""

from dataclasses import dataclass

from bench.common.journal import Order, Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult(Passage):
    """The load phase of one subject. `calls` counts the worker's SQS calls by action."""

    calls: dict[str, int]

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
class Transports:
    """All that one run of the command found."""

    groups: int
    concurrency: int
    fault_groups: int
    fault_step_milliseconds: int
    most_restarts: int
    stock: LoadResult
    fifo: LoadResult
    faults: list[FaultPair]
