"""The page about retention shows the results of the run."""

from dataclasses import replace
from typing import Any

from bench.retention.page import BENCHMARK
from bench.retention.result import Kind, Retention, RetentionRun
from tests.unit.bench.common.runs import run_of

FIRST = RetentionRun(
    removed={"archives": 10_000},
    changed=20_000,
    rows_read=70_000,
    blocks=400_000,
    statements=10_140,
    longest="UPDATE conversations_conversation",
    longest_seconds=0.3,
    dynamodb_calls=10_000,
    seconds=40.0,
)
IDLE = RetentionRun(
    removed={},
    changed=0,
    rows_read=350,
    blocks=8_000,
    statements=106,
    longest="SELECT conversations_project",
    longest_seconds=0.01,
    dynamodb_calls=0,
    seconds=0.2,
)
RETENTION = Retention(
    conversations=1_000_000,
    projects=200,
    answers_waiting_every=1_000,
    archives_page=500,
    rows_page=200,
    max_pages=20,
    statement_timeout_seconds=30.0,
    kinds=[
        Kind(name="archives", retention="300d", stored=997_000, due=20_000, left=0),
        Kind(name="answers", retention="315d", stored=400_000, due=600, left=0),
    ],
    runs=[
        FIRST,
        replace(FIRST, rows_read=90_000, blocks=600_000),
        replace(FIRST, removed={"archives": 7, "answers": 600}, changed=1_200),
    ],
    queued=2,
    idle=IDLE,
    idle_after_vacuum=replace(IDLE, blocks=4_000),
)


def reached(retention: Retention) -> list[bool]:
    return [goal.is_reached for goal in BENCHMARK.goals(retention)]


def test_the_page_shows_the_measured_figures() -> None:
    page = BENCHMARK.render(run_of(RETENTION)).splitlines()

    assert "| archives | 300d | 997,000 | 20,000 | 0 |" in page
    longest = "1.00% | `UPDATE conversations_conversation` | 10,000 |"
    assert f"| 1 | 10,000 archives | 20,000 | 3.5 | 20.0 | 10,140 | {longest}" in page
    assert any("| 3 | 7 archives, 600 answers | 1,200 |" in line for line in page)
    assert "| blocks | 400,000 | 8,000 | 0.0200 | 4,000 | 0.0100 |" in page
    assert "| time |  |  | 0.0050 |  | 0.0050 |" in page


def test_growth_is_that_of_the_runs_that_removed_only_one_kind() -> None:
    (growth,) = RETENTION.growths

    assert (growth.kind, growth.runs, growth.first, growth.last) == ("archives", 2, 20.0, 30.0)
    assert growth.ratio == 1.5


def test_a_run_with_few_conversations_has_no_goals() -> None:
    assert reached(replace(RETENTION, conversations=20_000)) == []


def test_each_goal_can_be_missed() -> None:
    good = replace(RETENTION, runs=RETENTION.runs[:2])
    first, last = good.runs

    def with_last(**fields: Any) -> Retention:
        return replace(good, runs=[first, replace(last, **fields)])

    missed = [
        replace(good, kinds=[replace(good.kinds[0], left=1)]),
        with_last(longest_seconds=3.1),
        with_last(rows_read=200_001),
        with_last(blocks=800_001),
        replace(good, idle=replace(IDLE, rows_read=7_001)),
        replace(good, idle_after_vacuum=replace(IDLE, blocks=40_001)),
    ]

    assert reached(good) == [True] * 6
    for number, retention in enumerate(missed):
        assert reached(retention) == [one != number for one in range(6)]
