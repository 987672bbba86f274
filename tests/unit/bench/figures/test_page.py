"""The page about the figures shows the results of the run."""

from dataclasses import replace

from bench.figures.page import BENCHMARK
from bench.figures.result import FigureTimes, Index, Timing
from tests.unit.bench.common.runs import run_of

QUICK = Timing(
    scope="one project",
    selector="surveys",
    counted=12_345,
    milliseconds=[9.0, 30.4, 10.2],
    scans=["Index Only Scan of scores_by_time"],
)
SLOW = Timing(
    scope="all projects",
    selector="lengths",
    counted=7,
    milliseconds=[199.0, 201.0, 900.0],
    scans=["Seq Scan of conversations_conversation"],
)
TIMES = FigureTimes(
    conversations=1_000,
    answers=400,
    projects=20,
    zones=6,
    days=365,
    rounds=3,
    indexes=[Index(name="scores_by_time", table="analytics_surveyanswer", megabytes=54.2)],
    measurements=[QUICK, SLOW],
)


def test_the_page_has_the_times_and_the_scans() -> None:
    page = BENCHMARK.render(run_of(TIMES)).splitlines()

    quick = "| one project | `surveys` | 12,345 | 10 | 30 |"
    assert f"{quick} Index Only Scan of scores_by_time |" in page
    slow = "| all projects | `lengths` | 7 | 201 | 900 |"
    assert f"{slow} Seq Scan of conversations_conversation |" in page
    assert "| `scores_by_time` | `analytics_surveyanswer` | 54 MB |" in page


def test_the_page_names_the_times_above_the_goal() -> None:
    slow = BENCHMARK.render(run_of(TIMES))
    quick = BENCHMARK.render(run_of(replace(TIMES, measurements=[QUICK])))

    assert "above it:\n\n- all projects: `lengths`, 201 ms\n\n|" in slow
    assert "The goal is 200 ms for each selector. No median is above it." in quick
