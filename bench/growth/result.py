"""The points of the growth curves."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.common.backlog import Backlog
from bench.common.costs import Costs
from bench.common.run import Run

# A worker's memory may grow until this share of the events is done.
_SETTLED = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Point(Costs):
    """The service under one backlog; `at` is the value of what grows.

    `events` counts the events that took effect, `settled_rss_mb` is the memory after a tenth of
    them.
    """

    at: float
    settled_rss_mb: float
    end_rss_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingPoint:
    """The closing of one conversation with `at` messages."""

    at: int
    seconds: float
    dynamodb_calls: int
    write_units: int
    read_units: float
    sql: int
    settled_rss_mb: float
    peak_rss_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """The measured curves by name, each with its own header.

    A load is stopped after `most_seconds`.
    """

    most_seconds: float
    curves: dict[str, Run[list[Point | ClosingPoint]]]


def point(*, at: float, backlog: Backlog) -> Point:
    """Return the figures of one backlog."""
    return Point(
        at=at,
        **backlog.costs(),
        settled_rss_mb=settled(backlog.memory),
        end_rss_mb=backlog.memory[-1][1],
    )


def settled(memory: Sequence[tuple[int, float]]) -> float:
    """Return the memory after a tenth of the events."""
    first, last = memory[0][0], memory[-1][0]
    enough = first + (last - first) * _SETTLED
    return next(megabytes for done, megabytes in memory if done >= enough)
