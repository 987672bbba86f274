"""The page of the comparison shows the results of the run and its goals."""

from dataclasses import replace
from typing import Any

import pytest

from bench.common.backlog import Backlog
from bench.common.costs import PRICES
from bench.event_cost.paced import Latency, Percentiles
from bench.event_cost.page import BENCHMARK
from bench.event_cost.result import Comparison, SubjectResult, subject_result
from bench.event_cost.steady import Steady
from tests.unit.bench.common.runs import BACKLOG, run_of


def latency(*, effect: float) -> Latency:
    """Return a latency with this median from receive to effect. The other values do not matter."""
    return Latency(
        sent=100,
        per_second=20.0,
        queued=Percentiles(p50=1.0, p99=2.0),
        effect=Percentiles(p50=effect, p99=3 * effect),
        total=Percentiles(p50=1 + effect, p99=2 + 3 * effect),
    )


def steady(*, effect: float, sqs: float = 0.3, cpu: float = 1.0) -> Steady:
    """Return figures at a rate. Those that are not given do not matter."""
    return Steady(
        latency=latency(effect=effect),
        cpu_ms_per_event=cpu,
        sqs_calls_per_event=sqs,
        sql_per_event=0.25,
        dynamodb_calls_per_event=0.5,
        write_units_per_event=1.0,
        dollars_per_million_events=0.775,
    )


def subject(title: str, backlog: Backlog, *, effect: float) -> SubjectResult:
    return subject_result(
        title=title,
        backlog=backlog,
        half_load=latency(effect=2 * effect),
        steady={rate: steady(effect=effect) for rate in ("10", "50")},
    )


COMPARISON = Comparison(
    contacts=7,
    processes=2,
    text_characters=100,
    prices=PRICES,
    subjects={
        "service": subject("this service", BACKLOG, effect=9.0),
        "eager": subject("this service, without gathering", BACKLOG, effect=9.0),
        "stock": subject("stock Celery", replace(BACKLOG, seconds=50.0, inversions=4), effect=30.0),
        "floor": subject(
            "bare loop",
            replace(BACKLOG, counts=replace(BACKLOG.counts, cpu_seconds=2.0)),
            effect=5.0,
        ),
        "limit": subject("bare loop, in tens", BACKLOG, effect=5.0),
    },
)


def reached(comparison: Comparison) -> list[bool]:
    return [goal.is_reached for goal in BENCHMARK.goals(comparison)]


def with_service(**changes: Any) -> Comparison:
    """Return the comparison with changed figures of the service."""
    service = replace(COMPARISON.subjects["service"], **changes)
    return replace(COMPARISON, subjects=COMPARISON.subjects | {"service": service})


def test_totals_are_divided_by_the_number_of_events() -> None:
    service = COMPARISON.subjects["service"]

    assert service.events_per_second == 2_000
    assert service.cpu_ms_per_event == 0.75
    assert service.sqs_calls_per_event == 0.21
    assert service.sqs_calls_by_action == {"DeleteMessageBatch": 0.1, "ReceiveMessage": 0.11}
    assert service.dynamodb_calls_per_event == 0.1
    assert service.write_units_per_event == 1
    assert service.sql_per_event == 0.12
    assert service.peak_rss_mb == 154.0
    # 210,000 requests cost $0.50 per million, and a million write units cost $0.625.
    assert service.dollars_per_million_events == pytest.approx(0.105 + 0.625)


def test_a_service_with_good_figures_reaches_all_goals() -> None:
    assert reached(COMPARISON) == [True] * 10


@pytest.mark.parametrize(
    "change",
    [
        {"sqs_calls_per_event": 0.22},
        {"sql_per_event": 0.16},
        {"dynamodb_calls_per_event": 0.13},
        {"cpu_ms_per_event": 2.01},
        {"events_per_second": 399.0},
        {"inversions": 1},
        {"steady": {"50": steady(effect=9.0, sqs=0.31)}},
        {"steady": {"50": steady(effect=9.0, cpu=1.1)}},
        {"steady": {"50": steady(effect=301.0)}},
    ],
    ids=str,
)
def test_only_missed_goals_are_reported_as_missed(change: dict[str, Any]) -> None:
    assert reached(with_service(**change)).count(False) == 1


def test_the_latency_without_gathering_has_a_goal() -> None:
    slow = replace(COMPARISON.subjects["eager"], steady={"10": steady(effect=10.1)})
    comparison = replace(COMPARISON, subjects=COMPARISON.subjects | {"eager": slow})

    assert reached(comparison).count(False) == 1


def test_the_page_shows_the_measured_figures() -> None:
    page = BENCHMARK.render(run_of(COMPARISON))
    lines = page.splitlines()

    assert "| events per second | 2,000 | 2,000 | 20 | 2,000 | 2,000 |" in lines
    assert "| CPU per event, ms | 0.75 | 0.75 | 0.75 | 2.00 | 0.75 |" in lines
    assert "| messages stored out of order | 0 | 0 | 4 | 0 | 0 |" in lines
    assert "| ReceiveMessage | 0.110 | 0.110 | 0.110 | 0.110 | 0.110 |" in lines
    assert "| receive to effect, ms, p50 | 18.0 | 18.0 | 60.0 | 10.0 | 10.0 |" in lines
    assert "| 50 | bare loop | 0.30 | 0.25 | 0.50 | 1.00 | 0.78 | 1.27 | 6 | 17 |" in lines
    assert "| SQS calls per event, under backlog | at most 0.21 | 0.21 | reached |" in lines
    words = " ".join(page.split())
    assert "Made by `make something`" in words
    assert "at commit unknown with 2 cores of Abacus 3000, 8 GB" in words
    assert "load average of the machine was 0.2 when the run began and 1.5" in words


def test_the_page_has_charts_of_throughput_and_cpu() -> None:
    page = BENCHMARK.render(run_of(COMPARISON))

    assert "    y-axis 0 --> 2000\n    bar [2000, 2000, 20, 2000, 2000]\n```\n" in page
    assert "    y-axis 0 --> 2\n    bar [0.75, 0.75, 0.75, 2, 0.75]\n```\n" in page
