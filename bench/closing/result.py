"""What a run of the benchmark of closing has found, and nothing that was not measured in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """All due conversations claimed and sent, by one process, with nobody else at work.

    `seconds` is the time in the task, `statements` its SQL without BEGIN and COMMIT, `calls` those
    that the queue's server logged, by action. `pages` is how often the task found something.
    """

    conversations: int
    pages: int
    seconds: float
    statements: int
    calls: Mapping[str, int]
    pointers: int

    @property
    def per_second(self) -> float:
        """Conversations claimed and sent in a second."""
        return self.conversations / self.seconds

    @property
    def statements_each(self) -> float:
        """SQL statements for each conversation claimed."""
        return self.statements / self.conversations

    def calls_each(self, action: str) -> float:
        """Calls of one action for each conversation claimed."""
        return self.calls.get(action, 0) / self.conversations

    @property
    def all_calls_each(self) -> float:
        """Calls of all actions for each conversation claimed."""
        return sum(self.calls.values()) / self.conversations


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Live messages that were sent in one phase, in milliseconds from their sending.

    `received` until a worker had it, `deleted` until SQS confirmed that it took effect.
    """

    sent: int
    received: Sequence[float]
    deleted: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """Conversations that close in a worker while live messages keep coming.

    `seconds` is from the first tick of beat until all were closed and archived, `ticks` how many it
    sent meanwhile, `most_waiting` the most messages that were seen on the queue at once.
    """

    conversations: int
    messages_each: int
    concurrency: int
    contacts: int
    per_second: float
    seconds: float
    ticks: int
    most_waiting: int
    quiet: Live
    storm: Live

    @property
    def closed_per_second(self) -> float:
        """Conversations closed and archived in a second."""
        return self.conversations / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Closings:
    """All that one run found."""

    page: int
    most_waiting: int
    sweep: Sweep
    storm: Storm
