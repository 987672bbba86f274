"""The result of the comparison of transports."""

from dataclasses import dataclass

from bench.common.journal import Order, WorkerRun


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult(WorkerRun):
    """The load phase of one subject. `calls` counts the worker's SQS calls by action."""

    calls: dict[str, int]

    @property
    def calls_per_event(self) -> float:
        """The SQS calls per event that took effect; 0 if none did."""
        return sum(self.calls.values()) / self.done if self.done else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultResult:
    """The effect of a fault on one subject.

    `exits` are the exit statuses of workers that ended by themselves, negative after a signal.
    `gave_up` counts workers that logged an unrecoverable error, whether or not they ended.
    `was_killed` is true if the fault killed the worker. `receives_again` is true if an event that
    was sent after the fault took effect without a new worker. `lost` counts events that had no
    effect and are neither on the queue nor dead letters; it is 0 if messages are `left` on the
    queue. `repeated` counts steps that took effect again.
    """

    exits: list[int]
    gave_up: int
    was_killed: bool
    receives_again: bool
    restarts: int
    sent: int
    done: int
    lost: int
    left: int
    dead_letters: int
    repeated: int
    order: Order


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPair:
    """The results of one fault for both subjects."""

    fault: str
    stock: FaultResult
    fifo: FaultResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Transports:
    """The result of one run."""

    groups: int
    concurrency: int
    fault_groups: int
    fault_step_milliseconds: int
    most_restarts: int
    stock: LoadResult
    fifo: LoadResult
    faults: list[FaultPair]
