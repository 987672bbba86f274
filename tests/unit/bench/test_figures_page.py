"""The page about the cost of the figures says what the run found."""

import json
from dataclasses import asdict, replace

from bench.figures.page import render
from bench.figures.result import FiguresRun, Index, Measurement

QUICK = Measurement(
    scope="one project",
    selector="surveys",
    counted=12_345,
    milliseconds=[9.0, 30.4, 10.2],
    scans=["Index Only Scan of scores_by_time"],
)
SLOW = Measurement(
    scope="all projects",
    selector="lengths",
    counted=7,
    milliseconds=[199.0, 201.0, 900.0],
    scans=["Seq Scan of conversations_conversation"],
)
RUN = FiguresRun(
    command="make something",
    commit="",
    cores=2,
    load=(1.25, 3.0),
    python="3.11.7",
    postgresql="18.6",
    conversations=1_000,
    answers=400,
    projects=20,
    zones=6,
    days=365,
    rounds=3,
    goal_milliseconds=200,
    indexes=[Index(name="scores_by_time", table="analytics_surveyanswer", megabytes=54.2)],
    measurements=[QUICK, SLOW],
)


def test_the_page_has_the_times_and_what_served_them() -> None:
    page = render(run=RUN).splitlines()

    assert "| one project | `surveys` | 12,345 | 10 | 30 |" in page
    assert "| all projects | `lengths` | Seq Scan of conversations_conversation |" in page
    assert "| `scores_by_time` | `analytics_surveyanswer` | 54 MB |" in page


def test_the_page_says_plainly_what_is_beyond_the_goal() -> None:
    assert "but these:\n\n- all projects: `lengths`, 201 ms\n\n|" in render(run=RUN)
    assert "All medians are within it." in render(run=replace(RUN, measurements=[QUICK]))


def test_the_json_has_the_whole_run() -> None:
    assert json.loads(RUN.as_json()) == json.loads(json.dumps(asdict(RUN)))
