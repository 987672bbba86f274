"""The time of closing is read from the log of the SQS server."""

from bench.growth.closing import seconds_of_closing
from testbed.sqs.calls import LoggedCall, LoggedEntry


def call(action: str, result: str, *, time: float, seconds: float = 0.0) -> LoggedCall:
    return LoggedCall(
        time=time,
        seconds=seconds,
        action=action,
        queue="q",
        result="ok",
        fault=None,
        entries=[LoggedEntry("a", "group", 1, result)],
    )


def test_a_closing_lasts_from_its_receive_to_its_delete() -> None:
    calls = [
        call("SendMessage", "sent", time=1.0),
        call("ReceiveMessage", "received", time=1.0, seconds=1.0),
        call("DeleteMessageBatch", "deleted", time=7.0, seconds=0.5),
    ]

    assert seconds_of_closing(calls) == 5.5
