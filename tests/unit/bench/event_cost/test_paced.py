"""The latency of single events is read from the logs of both servers."""

from dataclasses import asdict

import pytest

from bench.common.chat import Load
from bench.event_cost.paced import latency
from testbed.dynamodb.accounts import Write
from testbed.sqs.calls import LoggedCall, LoggedEntry


def call(action: str, result: str, *messages: str, time: float, seconds: float = 0.0) -> LoggedCall:
    """Return a call of SQS with this result for messages."""
    entries = [LoggedEntry(message, "group", 1, result) for message in messages]
    return LoggedCall(
        time=time,
        seconds=seconds,
        action=action,
        queue="q",
        result="ok",
        fault=None,
        entries=entries,
    )


def test_the_time_on_the_queue_and_the_time_to_the_effect_are_measured() -> None:
    first, second = Load(contacts=2, numbers=range(1))

    found = latency(
        sent={"a": first, "b": second},
        seconds=4.0,
        machine_busy=0.5,
        calls=[
            call("SendMessage", "sent", "a", time=10.0, seconds=0.5),
            # A long poll may begin before its messages are sent.
            call("ReceiveMessage", "received", "a", time=9.0, seconds=2.0),
            call("SendMessage", "sent", "b", time=20.0),
            call("ReceiveMessage", "received", "b", time=20.0, seconds=0.1),
            call("ReceiveMessage", "received again", "b", time=30.0),
        ],
        writes=[
            Write(at=11.25, partition="p", sort="", beginning='{"id":"0.0",'),
            Write(at=20.2, partition="q", sort="", beginning='{"id":"1.0",'),
            Write(at=40.0, partition="q", sort="", beginning='{"id":"1.0",'),
        ],
    )

    assert found.sent == 2
    assert found.per_second == 0.5
    assert asdict(found.queued) == pytest.approx({"p50": 100, "p99": 500})
    assert asdict(found.effect) == pytest.approx({"p50": 100, "p99": 250})
    assert asdict(found.total) == pytest.approx({"p50": 200, "p99": 750})
