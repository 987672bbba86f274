"""How long events take, by the log of the queue's server."""

from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from testbed.sqs.calls import LoggedCall

Interval = tuple[float, float]


class Latency(NamedTuple):
    """Of so many events, in milliseconds; 0 where there were none."""

    events: int
    p50: float
    p99: float


class Timed(NamedTuple):
    """An event that was sent `at`, in seconds since the epoch, and took so many seconds."""

    at: float
    seconds: float


def timed_events(
    *, sends: Iterable[LoggedCall], deletes: Iterable[LoggedCall], message_ids: Container[str]
) -> list[Timed]:
    """From the end of the call that sent an event to that of the one that deleted it.

    An event is deleted when its three steps are done, in batches, for which it waits up to a
    second.
    """
    sent_at = _ends(sends, message_ids=message_ids, result="sent")
    deleted_at = _ends(deletes, message_ids=message_ids, result="deleted")
    return [
        Timed(at, deleted_at[message] - at)
        for message, at in sent_at.items()
        if message in deleted_at
    ]


def latency(events: Sequence[Timed], *, outside: Sequence[Interval] = ()) -> Latency:
    """Of those that were neither sent nor waited within one of the intervals."""
    taken = sorted(
        event.seconds * 1000
        for event in events
        if not any(
            begins <= event.at + event.seconds and event.at <= ends for begins, ends in outside
        )
    )
    if not taken:
        return Latency(0, 0.0, 0.0)
    return Latency(len(taken), _percentile(taken, 50), _percentile(taken, 99))


def _percentile(ordered: Sequence[float], percent: int) -> float:
    """The smallest that so many in a hundred do not exceed (nearest rank)."""
    rank = -(-len(ordered) * percent // 100)
    return round(ordered[max(rank, 1) - 1], 1)


def _ends(
    calls: Iterable[LoggedCall], *, message_ids: Container[str], result: str
) -> dict[str, float]:
    return {
        entry.message_id: call.time + call.seconds
        for call in calls
        for entry in call.entries
        if entry.result == result and entry.message_id and entry.message_id in message_ids
    }
