"""The page about closing shows the results of the run."""

from dataclasses import replace

from bench.closing.page import BENCHMARK
from bench.closing.result import Closings, Live, Storm, Sweep
from tests.unit.bench.common.runs import run_of

QUIET = Live(sent=4, received=[1, 2, 3, 4], deleted=[100, 200, 300, 400])
STORMY = Live(sent=3, received=[1_000, 2_000, 6_000], deleted=[1_100, 2_100, 6_100])
CLOSINGS = Closings(
    page=500,
    most_waiting=1_000,
    sweep=Sweep(
        conversations=2_000,
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


def test_the_page_shows_the_measured_figures() -> None:
    page = BENCHMARK.render(run_of(CLOSINGS)).splitlines()

    assert "| pointers on the queue | 1,999 |" in page
    assert "| conversations claimed and sent per second | 500 |" in page
    assert "| SQL statements per conversation | 0.0070 |" in page
    assert "| SQS calls of all actions per conversation | 0.1020 |" in page
    assert "| closed and archived per second | 20 |" in page
    assert "| deleted, median | 200 ms | 2,100 ms | 10.5 |" in page
    assert "| received, 95th percentile | 4 ms | 6,000 ms |  |" in page


def test_each_goal_can_be_missed() -> None:
    sweep = replace(CLOSINGS.sweep, pointers=2_000, statements=40, calls={"SendMessageBatch": 200})

    def reached(sweep: Sweep) -> list[bool]:
        return [goal.is_reached for goal in BENCHMARK.goals(replace(CLOSINGS, sweep=sweep))]

    assert reached(sweep) == [True, True, True]
    assert reached(replace(sweep, pointers=1_999)) == [False, True, True]
    assert reached(replace(sweep, statements=41)) == [True, False, True]
    assert reached(replace(sweep, calls={"SendMessageBatch": 201})) == [True, True, False]
