"""Requests of an idle subject are counted for a whole number of polls, and scaled to 30 days."""

from collections import Counter

import pytest

from bench.event_cost.idle import Idle, count_polls
from testbed.sqs.calls import LoggedCall


def call(action: str, *, end: float, seconds: float = 0.0) -> LoggedCall:
    return LoggedCall(
        time=end - seconds,
        seconds=seconds,
        action=action,
        queue="q",
        result="ok",
        fault=None,
        entries=[],
    )


def poll(*, end: float) -> LoggedCall:
    return call("ReceiveMessage", end=end, seconds=20.0)


CALLS = [
    poll(end=5.0),
    poll(end=25.0),
    call("GetQueueAttributes", end=26.0),
    poll(end=45.0),
    poll(end=65.0),
    call("GetQueueAttributes", end=66.0),
    poll(end=85.0),
]


def test_the_count_begins_and_ends_at_the_end_of_a_poll() -> None:
    assert count_polls(CALLS, since=6.0, polls=2) == (
        40.0,
        Counter(ReceiveMessage=2, GetQueueAttributes=1),
    )
    assert count_polls(CALLS, since=6.0, polls=3) == (
        60.0,
        Counter(ReceiveMessage=3, GetQueueAttributes=2),
    )


def test_a_log_with_too_few_polls_has_no_count_yet() -> None:
    assert count_polls(CALLS, since=6.0, polls=4) is None
    assert count_polls([], since=0.0, polls=1) is None


def test_requests_are_scaled_to_30_days() -> None:
    idle = Idle(title="", seconds=60.0, requests={"ReceiveMessage": 3, "GetQueueAttributes": 1})

    assert idle.requests_per_month == pytest.approx(4 * 30 * 24 * 60)
