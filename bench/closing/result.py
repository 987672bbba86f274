"""The result of the closing benchmark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """One process claims all due conversations and sends their pointers.

    `seconds` is the time that the task took. `statements` counts its SQL statements without BEGIN
    and COMMIT. `calls` counts the calls that the SQS server logged, by action.
    """

    conversations: int
    seconds: float
    statements: int
    calls: Mapping[str, int]
    pointers: int

    @property
    def per_second(self) -> float:
        """The conversations claimed in a second."""
        return self.conversations / self.seconds

    @property
    def statements_each(self) -> float:
        """The SQL statements per conversation."""
        return self.statements / self.conversations

    def calls_each(self, action: str) -> float:
        """Return the calls of an action per conversation."""
        return self.calls.get(action, 0) / self.conversations

    @property
    def all_calls_each(self) -> float:
        """The calls of all actions per conversation."""
        return sum(self.calls.values()) / self.conversations


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The latency of the live messages of one phase, in milliseconds since they were sent.

    `received` ends when a worker has received the message, `deleted` when SQS has deleted it.
    """

    sent: int
    received: Sequence[float]
    deleted: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """Conversations that close in a worker while live messages arrive.

    `seconds` runs from the first tick of beat until all were closed and archived. `ticks` counts
    the ticks in that time, `most_waiting` is the largest number of messages seen on the queue.
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
        """The conversations closed and archived in a second."""
        return self.conversations / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Closings:
    """The result of one run.

    The sweep claims `page` conversations at a time, and pauses while `most_waiting` pointers wait.
    """

    page: int
    most_waiting: int
    sweep: Sweep
    storm: Storm
