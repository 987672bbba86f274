"""bench.json and its page say what the runs found, and which goals were reached."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.common.counts import Counts
from bench.common.machine import Machine
from bench.common.prices import PRICES
from bench.common.svg import line_chart
from bench.event_cost import report as report_module
from bench.event_cost.backlog import Backlog
from bench.event_cost.comparison_result import Comparison, SubjectResult, subject_result
from bench.event_cost.goals import goals
from bench.event_cost.growth_result import ClosingPoint, Curve, Growth, Point, point
from bench.event_cost.paced import Latency, Percentiles
from bench.event_cost.report import Report, last_report
from bench.event_cost.report_page import charts, render

MACHINE = Machine(
    cores=2,
    processor="Abacus 3000",
    memory_gigabytes=8,
    system="Linux 6",
    python="3.11.7",
    packages={"celery": "5.7.0"},
    load=[0.25, 1.5],
)
COUNTS = Counts(
    sqs={"DeleteMessageBatch": 100, "ReceiveMessage": 110},
    dynamodb={"BatchWriteItem": 100},
    write_units=1_000,
    read_units=0.0,
    sql=120,
)
BACKLOG = Backlog(
    events=1_000,
    seconds=0.5,
    cpu_seconds=0.75,
    memory=[(0, 100.0), (90, 120.0), (200, 150.0), (900, 154.0), (1_000, 152.0)],
    counts=COUNTS,
    inversions=0,
    repeated=0,
)


def latency(*, effect: float) -> Latency:
    """Of which only the median from receive to effect matters here."""
    return Latency(
        sent=100,
        per_second=20.0,
        queued=Percentiles(p50=1.0, p99=2.0),
        effect=Percentiles(p50=effect, p99=3 * effect),
    )


def subject(title: str, backlog: Backlog, *, effect: float) -> SubjectResult:
    return subject_result(
        title=title,
        backlog=backlog,
        half_load=latency(effect=2 * effect),
        no_backlog=latency(effect=effect),
    )


COMPARISON = Comparison(
    command="make something",
    commit="",
    machine=MACHINE,
    contacts=7,
    processes=2,
    text_characters=100,
    no_backlog_per_second=20.0,
    prices=PRICES,
    subjects={
        "service": subject("this service", BACKLOG, effect=9.0),
        "stock": subject("stock Celery", replace(BACKLOG, seconds=50.0, inversions=4), effect=30.0),
        "floor": subject("bare loop", replace(BACKLOG, cpu_seconds=2.0), effect=5.0),
        "limit": subject("bare loop, in tens", BACKLOG, effect=5.0),
    },
)
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


def curve(*points: Point) -> Curve[Point]:
    return Curve(commit="abc1234", machine=MACHINE, points=list(points))


GROWTH = Growth(
    command="make something more",
    most_seconds=600.0,
    processes=curve(POINT),
    bundle=curve(POINT),
    groups=curve(POINT),
    backlog=curve(POINT, MILLION),
    message_bytes=curve(POINT),
    answers_in_a_hundred=curve(replace(POINT, at=0), POINT),
    conversation=Curve(commit="def5678", machine=MACHINE, points=[CLOSING]),
)


def parsed(drawing: str) -> ElementTree.Element:
    return ElementTree.fromstring(drawing)  # noqa: S314 (drawn here)


def reached(comparison: Comparison, growth: Growth | None = None) -> list[bool]:
    return [goal.is_reached for goal in goals(comparison, growth)]


def with_service(**changes: float) -> Comparison:
    """The comparison with other figures for the service."""
    service = replace(COMPARISON.subjects["service"], **changes)  # type: ignore[arg-type]
    return replace(COMPARISON, subjects=COMPARISON.subjects | {"service": service})


def test_totals_become_figures_for_one_event() -> None:
    service = COMPARISON.subjects["service"]

    assert service.events_per_second == 2_000
    assert service.cpu_ms_per_event == 0.75
    assert service.sqs_calls_per_event == 0.21
    assert service.sqs_calls_by_action == {"DeleteMessageBatch": 0.1, "ReceiveMessage": 0.11}
    assert service.dynamodb_calls_per_event == 0.1
    assert service.write_units_per_event == 1
    assert service.sql_per_event == 0.12
    assert service.peak_rss_mb == 154.0
    # 210,000 requests at $0.50 and a million write units at $0.625 for a million.
    assert service.dollars_per_million_events == pytest.approx(0.105 + 0.625)


def test_memory_is_settled_when_a_tenth_is_done() -> None:
    assert POINT.settled_rss_mb == 150.0
    assert POINT.end_rss_mb == 152.0


def test_all_goals_are_reached_by_a_service_that_reaches_them() -> None:
    assert all(reached(COMPARISON, GROWTH))
    assert len(reached(COMPARISON, GROWTH)) == 10


@pytest.mark.parametrize(
    "change",
    [
        {"sqs_calls_per_event": 0.22},
        {"sql_per_event": 0.16},
        {"dynamodb_calls_per_event": 0.13},
        {"cpu_ms_per_event": 2.01},
        {"events_per_second": 399.0},
        {"inversions": 1},
        {"no_backlog": latency(effect=10.1)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_goal_that_is_missed_is_told_and_no_other(change: dict[str, float]) -> None:
    assert reached(with_service(**change)).count(False) == 1


@pytest.mark.parametrize(
    "longest",
    [
        replace(MILLION, end_rss_mb=160.0),
        replace(MILLION, events=600_000),
        replace(MILLION, inversions=1),
    ],
    ids=["memory that grew", "time that was up", "an inversion"],
)
def test_a_goal_over_a_million_events_can_be_missed(longest: Point) -> None:
    growth = replace(GROWTH, backlog=curve(POINT, longest))

    assert reached(COMPARISON, growth).count(False) == 1


def test_no_goal_is_claimed_for_a_million_that_was_not_measured() -> None:
    assert len(reached(COMPARISON, replace(GROWTH, backlog=curve(POINT)))) == len(
        reached(COMPARISON)
    )


def test_the_page_says_what_was_found() -> None:
    page = render(comparison=COMPARISON, growth=GROWTH)
    lines = page.splitlines()

    assert "| events per second | 2,000 | 20 | 2,000 | 2,000 |" in lines
    assert "| CPU per event, ms | 0.75 | 0.75 | 2.00 | 0.75 |" in lines
    assert "| messages stored out of order | 0 | 4 | 0 | 0 |" in lines
    assert "| ReceiveMessage | 0.110 | 0.110 | 0.110 | 0.110 |" in lines
    assert "| no backlog: receive to effect, ms, p50 | 9.0 | 30.0 | 5.0 | 5.0 |" in lines
    assert "| SQS calls per event, under backlog | at most 0.21 | 0.21 | reached |" in lines
    assert any("| at least 1,000,000 | 1,000,000 | reached |" in line for line in lines)
    assert "| 50,000 | 12.50 | 2,100 | 50,000 | 9,000 | 400 | 150 | 180 |" in lines
    words = " ".join(page.split())
    assert "`make something` at commit unknown: 2 cores of Abacus 3000, 8 GB" in words
    assert "Made by `make something more`" in words
    assert "At commit abc1234, 2 cores of Abacus 3000; load average 0.2 before, 1.5" in words
    assert "At commit def5678" in words
    assert "load average of the machine was 0.2 when the run began and 1.5" in words


def test_a_page_without_growth_curves_says_how_to_get_them() -> None:
    page = render(comparison=COMPARISON, growth=None)

    assert "make bench-growth" in page
    assert "bench-growth-" not in page


def test_a_curve_that_was_not_measured_is_left_out() -> None:
    growth = replace(GROWTH, conversation=None)
    page = render(comparison=COMPARISON, growth=growth)

    assert "### Backlog" in page
    assert "### Closing" not in page
    assert "bench-growth-conversation.svg" not in charts(comparison=COMPARISON, growth=growth)


def test_each_chart_of_the_page_is_a_picture() -> None:
    page = render(comparison=COMPARISON, growth=GROWTH)
    drawn = charts(comparison=COMPARISON, growth=GROWTH)

    assert {f"(charts/{name})" for name in drawn} == {
        part.split(")")[0] + ")"
        for part in ("(" + rest for rest in page.split("](")[1:])
        if part.startswith("(charts/")
    }
    for drawing in drawn.values():
        assert parsed(drawing).tag.endswith("svg")


def test_the_line_of_a_chart_goes_up_with_its_values() -> None:
    drawn = parsed(line_chart(title="t", across="x", points=[(1, 0.0), (10, 50.0), (100, 100.0)]))
    (line,) = drawn.iterfind("{*}polyline")
    spots = [tuple(map(float, spot.split(","))) for spot in line.get("points", "").split()]

    assert [x for x, _ in spots] == sorted(x for x, _ in spots)
    assert spots[1][0] == pytest.approx((spots[0][0] + spots[2][0]) / 2)
    assert spots[1][1] == pytest.approx((spots[0][1] + spots[2][1]) / 2)
    assert spots[2][1] < spots[0][1]


@pytest.mark.parametrize(
    "growth",
    [GROWTH, replace(GROWTH, backlog=None), None],
    ids=["with growth", "with some curves", "without"],
)
def test_what_was_written_can_be_read_again(
    growth: Growth | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RESULT", "PAGE", "CHARTS"):
        monkeypatch.setattr(report_module, name, tmp_path / name)
    report = Report(comparison=COMPARISON, growth=growth)

    report.write()

    content = json.loads((tmp_path / "RESULT").read_text())
    assert content["subjects"]["service"]["events_per_second"] == 2_000
    assert content["goals"][0]["is_reached"] is True
    assert ("growth" in content) == bool(growth)
    assert last_report(tmp_path / "RESULT") == report


def test_there_is_no_report_before_the_first_run(tmp_path: Path) -> None:
    assert last_report(tmp_path / "none.json") is None
