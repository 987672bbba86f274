"""The times of live messages are read from the log of the SQS server."""

from bench.closing.result import Live
from bench.closing.traffic import live_messages
from testbed.sqs.calls import LoggedCall, LoggedEntry


def call(at: float, action: str, *entries: tuple[str, str]) -> LoggedCall:
    return LoggedCall(
        time=at,
        seconds=0.5,
        action=action,
        queue="conversations.fifo",
        result="ok",
        fault=None,
        entries=[LoggedEntry(message, "group", 1, result) for message, result in entries],
    )


def test_only_live_messages_that_were_sent_in_the_phase_are_measured() -> None:
    calls = [
        call(9.0, "SendMessage", ("early", "sent")),
        call(10.0, "SendMessage", ("m-1", "sent")),
        call(10.5, "SendMessage", ("tick", "sent")),
        call(11.0, "SendMessageBatch", ("pointer", "sent")),
        call(12.0, "ReceiveMessage", ("m-1", "received"), ("pointer", "received")),
        call(13.0, "DeleteMessageBatch", ("m-1", "deleted")),
        call(14.0, "SendMessage", ("m-2", "sent")),
    ]
    messages = dict.fromkeys(("early", "m-1", "m-2"))

    live = live_messages(calls, messages=messages, since=10.0, until=20.0)

    assert live == Live(sent=2, received=[2_000.0], deleted=[3_000.0])
