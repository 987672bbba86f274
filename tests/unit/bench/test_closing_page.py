"""The page about closing at scale says what the run found."""

import json
from dataclasses import asdict

from bench.closing.page import render
from bench.closing.result import ClosingRun, Live, Storm, Sweep, percentile
from bench.closing.traffic import live_messages
from testbed.sqs.calls import LoggedCall, LoggedEntry

QUIET = Live(sent=4, received=[1, 2, 3, 4], deleted=[100, 200, 300, 400])
STORMY = Live(sent=3, received=[1_000, 2_000, 6_000], deleted=[1_100, 2_100, 6_100])
RUN = ClosingRun(
    command="make something",
    commit="",
    cores=2,
    load=(1.25, 3.0),
    python="3.11.7",
    postgresql="18.6",
    page=500,
    most_waiting=1_000,
    goal_statements=0.02,
    goal_sends=0.1,
    sweep=Sweep(
        conversations=2_000,
        pages=4,
        seconds=4.0,
        statements=14,
        calls={"SendMessage": 4, "SendMessageBatch": 200},
        pointers=1_999,
    ),
    storm=Storm(
        conversations=600,
        messages_each=5,
        concurrency=2,
        contacts=40,
        per_second=20,
        seconds=30.0,
        ticks=1,
        most_waiting=480,
        quiet=QUIET,
        storm=STORMY,
    ),
)


def test_the_page_has_what_was_found_beside_the_goals() -> None:
    page = render(run=RUN).splitlines()

    assert "| pointers on the queue | 1,999 | 2,000 |" in page
    assert "| conversations claimed and sent per second | 500 |  |" in page
    assert "| SQL statements per conversation | 0.0070 | 0.02 |" in page
    assert "| SQS calls of all actions per conversation | 0.1020 |  |" in page
    assert "| closed and archived per second | 20 |" in page
    assert "| deleted, median | 200 ms | 2,100 ms | 10.5 |" in page
    assert "| received, 95th percentile | 4 ms | 6,000 ms |  |" in page


def test_the_json_has_the_whole_run() -> None:
    assert json.loads(RUN.as_json()) == json.loads(json.dumps(asdict(RUN)))


def test_a_percentile_is_the_value_that_so_many_do_not_exceed() -> None:
    assert percentile(range(1, 101), 95) == 95
    assert percentile([3, 1, 2], 50) == 2
    assert percentile([7], 95) == 7


def test_latencies_are_those_of_live_messages_that_were_sent_in_the_phase() -> None:
    calls = [
        call(9.0, "SendMessage", ("early", "live:1", "sent")),
        call(10.0, "SendMessage", ("m-1", "live:1", "sent")),
        call(11.0, "SendMessageBatch", ("pointer", "storm:1", "sent")),
        call(12.0, "ReceiveMessage", ("m-1", "live:1", "received"), ("p", "storm:1", "received")),
        call(13.0, "DeleteMessageBatch", ("m-1", "live:1", "deleted")),
        call(14.0, "SendMessage", ("m-2", "live:2", "sent")),
    ]

    live = live_messages(calls, since=10.0, until=20.0)

    assert live == Live(sent=2, received=[2_000.0], deleted=[3_000.0])


def call(at: float, action: str, *entries: tuple[str, str, str]) -> LoggedCall:
    return LoggedCall(
        time=at,
        seconds=0.5,
        action=action,
        queue="conversations.fifo",
        result="ok",
        fault=None,
        entries=[LoggedEntry(message, group, 1, result) for message, group, result in entries],
    )
