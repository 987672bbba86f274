"""The page about the figures shows the results of the run."""

from dataclasses import replace

from bench.figures.page import BENCHMARK
from bench.figures.result import FigureTimes, Index, Rollups, Timing
from tests.unit.bench.common.runs import run_of

QUICK = Timing(
    scope="one project",
    has_rollups=True,
    counted=12_345,
    milliseconds=[9.0, 30.4, 10.2],
    scans=["Index Only Scan of scores_by_time"],
)
SLOW = Timing(
    scope="all projects",
    has_rollups=True,
    counted=7,
    milliseconds=[299.0, 301.0, 900.0],
    scans=["Seq Scan of conversations_conversation"],
)
TIMES = FigureTimes(
    conversations=1_000,
    answers=400,
    projects=20,
    zones=6,
    days=365,
    rounds=3,
    rollups=Rollups(rows=5_678, seconds=9.6, megabytes=1.4),
    indexes=[Index(name="scores_by_time", table="analytics_surveyanswer", megabytes=54.2)],
    measurements=[QUICK, SLOW],
)


def test_the_page_has_the_times_and_the_scans() -> None:
    page = BENCHMARK.render(run_of(TIMES)).splitlines()

    quick = "| one project | rollups | 12,345 | 10 | 30 |"
    assert f"{quick} Index Only Scan of scores_by_time |" in page
    slow = "| all projects | rollups | 7 | 301 | 900 |"
    assert f"{slow} Seq Scan of conversations_conversation |" in page
    assert "| `scores_by_time` | `analytics_surveyanswer` | 54 MB |" in page


def test_the_page_names_the_times_with_rollups_above_the_goal() -> None:
    slow = BENCHMARK.render(run_of(TIMES))
    from_rows = replace(SLOW, has_rollups=False)
    quick = BENCHMARK.render(run_of(replace(TIMES, measurements=[QUICK, from_rows])))

    assert "above it:\n\n- all projects: 301 ms\n\n|" in slow
    assert "No median is above it." in quick


def test_the_page_has_the_size_of_the_rollups() -> None:
    page = " ".join(BENCHMARK.render(run_of(TIMES)).split())

    assert "which took 10 s" in page
    assert "5,678 rows and, with their indexes, 1 MB" in page
