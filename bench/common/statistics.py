"""Percentiles, and times read from the log of the model of SQS."""

from collections.abc import Iterable, Sequence

from testbed.sqs.calls import LoggedCall


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the smallest value that so many in a hundred do not exceed (nearest rank)."""
    rank = -(-len(values) * percent // 100)
    return sorted(values)[max(rank, 1) - 1]


def first_ends(calls: Iterable[LoggedCall], *, result: str) -> dict[str, float]:
    """Return when the first call ended that did this with a message, by the message's id.

    `result` is "sent", "received" or "deleted". Times are in seconds since the epoch.
    """
    ends: dict[str, float] = {}
    for call in calls:
        for entry in call.entries:
            if entry.message_id and entry.result == result:
                ends.setdefault(entry.message_id, call.time + call.seconds)
    return ends
