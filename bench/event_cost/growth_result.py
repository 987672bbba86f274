"""What the growth curves are made of, in the form in which bench.json has it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from bench.common.machine import Machine
from bench.event_cost.backlog import Backlog

# Until so much of the events is done, a worker's memory may still grow to its size.
_SETTLED = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The service under one backlog; `at` is the value of what grows.

    `events` is how many took effect, `settled_rss_mb` the memory after a tenth of them.
    """

    at: float
    events: int
    seconds: float
    events_per_second: float
    cpu_ms_per_event: float
    sqs_calls_per_event: float
    dynamodb_calls_per_event: float
    write_units_per_event: float
    sql_per_event: float
    inversions: int
    settled_rss_mb: float
    end_rss_mb: float
    peak_rss_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingPoint:
    """The closing of one conversation with so many messages, from its receive to its delete."""

    at: int
    seconds: float
    dynamodb_calls: int
    write_units: int
    read_units: float
    sql: int
    settled_rss_mb: float
    peak_rss_mb: float


AnyPoint = TypeVar("AnyPoint", Point, ClosingPoint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve(Generic[AnyPoint]):
    """Its points, and where and on what commit they were measured."""

    commit: str
    machine: Machine
    points: Sequence[AnyPoint]


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """The curves that were measured, by the name of what grows; `conversation` is of closings.

    A load is stopped after `most_seconds`.
    """

    command: str
    most_seconds: float
    processes: Curve[Point] | None = None
    bundle: Curve[Point] | None = None
    groups: Curve[Point] | None = None
    backlog: Curve[Point] | None = None
    message_bytes: Curve[Point] | None = None
    answers_in_a_hundred: Curve[Point] | None = None
    conversation: Curve[ClosingPoint] | None = None


def point(*, at: float, backlog: Backlog) -> Point:
    """Totals made into figures for one event."""
    events, counts = backlog.events, backlog.counts
    return Point(
        at=at,
        events=events,
        seconds=backlog.seconds,
        events_per_second=events / backlog.seconds,
        cpu_ms_per_event=backlog.cpu_seconds / events * 1_000,
        sqs_calls_per_event=sum(counts.sqs.values()) / events,
        dynamodb_calls_per_event=sum(counts.dynamodb.values()) / events,
        write_units_per_event=counts.write_units / events,
        sql_per_event=counts.sql / events,
        inversions=backlog.inversions,
        settled_rss_mb=settled(backlog.memory),
        end_rss_mb=backlog.memory[-1][1],
        peak_rss_mb=backlog.peak_megabytes,
    )


def settled(memory: Sequence[tuple[int, float]]) -> float:
    """The memory held when a tenth was done."""
    first, last = memory[0][0], memory[-1][0]
    enough = first + (last - first) * _SETTLED
    return next(megabytes for done, megabytes in memory if done >= enough)
