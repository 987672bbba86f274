"""Measures how long events take, from the call log of the SQS server."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bench.common.statistics import first_ends, percentile
from testbed.sqs.calls import LoggedCall

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Latency:
    """The number of events, and percentiles of their latency in milliseconds (0 without events)."""

    events: int
    p50: float
    p99: float


class Timed(NamedTuple):
    """An event that was sent `at`, in seconds since the epoch, and deleted `seconds` later."""

    at: float
    seconds: float


def timed_events(
    *, sends: Iterable[LoggedCall], deletes: Iterable[LoggedCall], message_ids: Container[str]
) -> list[Timed]:
    """Return the events, each measured from the end of its send to the end of its delete.

    A worker deletes an event after its three steps. It deletes in batches, and waits up to a second
    to fill a batch.
    """
    sent_at, deleted_at = first_ends(sends, result="sent"), first_ends(deletes, result="deleted")
    return [
        Timed(at, deleted_at[message] - at)
        for message, at in sent_at.items()
        if message in deleted_at and message in message_ids
    ]


def latency(events: Sequence[Timed], *, outside: Sequence[Interval] = ()) -> Latency:
    """Return the latency of the events that were not on the queue during any of the intervals."""
    taken = [
        event.seconds * 1000
        for event in events
        if not any(
            begins <= event.at + event.seconds and event.at <= ends for begins, ends in outside
        )
    ]
    if not taken:
        return Latency(0, 0.0, 0.0)
    p50, p99 = (round(percentile(taken, percent), 1) for percent in (50, 99))
    return Latency(len(taken), p50, p99)
