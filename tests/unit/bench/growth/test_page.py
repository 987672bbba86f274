"""The page of the growth curves shows the results of the run and its goals."""

from dataclasses import replace

import pytest

from bench.common.run import Run
from bench.growth.page import BENCHMARK
from bench.growth.result import ClosingPoint, Growth, Point, point
from tests.unit.bench.common.runs import BACKLOG, HEADER, run_of

POINT = point(at=10, backlog=BACKLOG)
MILLION = replace(POINT, at=1_000_000, events=1_000_000)
CLOSING = ClosingPoint(
    at=50_000,
    seconds=12.5,
    dynamodb_calls=2_100,
    write_units=50_000,
    read_units=9_000.0,
    sql=400,
    settled_rss_mb=150.0,
    peak_rss_mb=180.0,
)


def curve(*points: Point | ClosingPoint) -> Run[list[Point | ClosingPoint]]:
    return Run(header=replace(HEADER, commit="abc1234"), result=list(points))


GROWTH = Growth(
    most_seconds=600.0,
    curves={
        "processes": curve(POINT),
        "bundle": curve(POINT),
        "groups": curve(POINT),
        "backlog": curve(POINT, MILLION),
        "message_bytes": curve(POINT),
        "answers_in_a_hundred": curve(replace(POINT, at=0), POINT),
        "conversation": Run(header=replace(HEADER, commit="def5678"), result=[CLOSING]),
    },
)


def without(*names: str) -> Growth:
    """Return the result with these curves removed."""
    return replace(
        GROWTH, curves={name: one for name, one in GROWTH.curves.items() if name not in names}
    )


def reached(*backlog: Point) -> list[bool]:
    growth = replace(GROWTH, curves={"backlog": curve(*backlog)})
    return [goal.is_reached for goal in BENCHMARK.goals(growth)]


def test_settled_memory_is_measured_when_a_tenth_of_the_events_is_done() -> None:
    assert POINT.settled_rss_mb == 150.0
    assert POINT.end_rss_mb == 152.0


def test_a_service_with_good_figures_reaches_all_goals() -> None:
    assert reached(POINT, MILLION) == [True] * 3


@pytest.mark.parametrize(
    "longest",
    [
        replace(MILLION, end_rss_mb=160.0),
        replace(MILLION, events=600_000),
        replace(MILLION, inversions=1),
    ],
    ids=["memory that grew", "time that was up", "an inversion"],
)
def test_each_goal_for_a_million_events_can_be_missed(longest: Point) -> None:
    assert reached(POINT, longest).count(False) == 1


def test_a_page_without_a_million_measured_events_has_no_goals() -> None:
    assert reached(POINT) == []
    assert BENCHMARK.goals(without("backlog")) == []


def test_the_page_shows_the_measured_figures() -> None:
    page = BENCHMARK.render(run_of(GROWTH))

    assert any("| at least 1,000,000 | 1,000,000 | reached |" in line for line in page.splitlines())
    assert "| 50,000 | 12.50 | 2,100 | 50,000 | 9,000 | 400 | 150 | 180 |" in page.splitlines()
    row = "| 10 | 1,000 | 2,000 | 0.75 | 0.21 | 0.10 | 1.00 | 0.12 | 0 | 150 | 152 |"
    assert row in page.splitlines()
    assert "A measurement ends after 600 seconds" in " ".join(page.split())
    assert "At commit abc1234, 2 cores of Abacus 3000; load average 0.2 before, 1.5" in page
    assert "At commit def5678" in page


def test_a_curve_that_was_not_measured_is_left_out() -> None:
    growth = without("conversation")
    page = BENCHMARK.render(run_of(growth))

    assert "## Backlog" in page
    assert "## Closing" not in page
    assert "by messages of the conversation" not in page


def test_a_chart_has_the_values_of_its_curve() -> None:
    page = BENCHMARK.render(run_of(GROWTH))

    assert page.count("```mermaid") == len(GROWTH.curves) - 1
    chart = (
        '    title "CPU per event in milliseconds, by events on the queue"\n'
        '    x-axis "events on the queue" ["10", "1,000,000"]\n'
        "    y-axis 0 --> 0.75\n"
        "    line [0.75, 0.75]\n"
    )
    assert chart in page
