"""Computes percentiles, and reads times from the call log of the model of SQS."""

from collections.abc import Iterable, Sequence

from testbed.sqs.calls import LoggedCall


def percentile(values: Sequence[float], percent: int) -> float:
    """Return a percentile by the nearest-rank method."""
    rank = -(-len(values) * percent // 100)
    return sorted(values)[max(rank, 1) - 1]


def first_ends(calls: Iterable[LoggedCall], *, result: str) -> dict[str, float]:
    """Return, by message id, the end of the first call that had this result for the message.

    `result` is "sent", "received" or "deleted". Times are in seconds since the epoch.
    """
    ends: dict[str, float] = {}
    for call in calls:
        for entry in call.entries:
            if entry.message_id and entry.result == result:
                ends.setdefault(entry.message_id, call.time + call.seconds)
    return ends
