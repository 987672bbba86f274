"""The result of the growth benchmark: curves of points, each measured with one load."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.common.backlog import Backlog
from bench.common.costs import Costs
from bench.common.run import Run

# Memory grows at first. So the memory at the end is compared with that after this share of the
# events.
_SETTLED = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Point(Costs):
    """The costs of the service with one backlog.

    `at` is the position on the x axis, such as the number of groups. `settled_rss_mb` is the memory
    after a tenth of the events, and `end_rss_mb` that after all of them.
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
    """Return the memory in megabytes after a tenth of the events."""
    first, last = memory[0][0], memory[-1][0]
    enough = first + (last - first) * _SETTLED
    return next(megabytes for done, megabytes in memory if done >= enough)
