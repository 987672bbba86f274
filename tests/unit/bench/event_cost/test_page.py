"""The page of the comparison shows the results of the run."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from rich.console import Console

from bench.common import results
from bench.event_cost.page import BENCHMARK
from tests.unit.bench.common.runs import run_of
from tests.unit.bench.event_cost.comparisons import COMPARISON

PAGE = BENCHMARK.render(run_of(COMPARISON))
LINES = PAGE.splitlines()
FIRST_SCREEN = " ".join(PAGE.partition("Made by")[0].split())


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


def test_the_page_begins_with_dollars_and_milliseconds() -> None:
    assert "cost **$0.73** with this service" in FIRST_SCREEN
    assert "stored within **10 ms** after they were sent" in FIRST_SCREEN
    assert "have nothing to do cost $0.09 a month" in FIRST_SCREEN
    assert "    line [0.731, 0.731, 0.731]\n```\n" in PAGE
    head = "| events per second | this service | this service, without gathering | stock Celery |"
    assert LINES[LINES.index(f"{head} bare loop |") + 2] == "| 1 | 0.73 | 0.73 | 4.11 | 1.61 |"


def test_the_page_helps_to_choose_how_long_messages_gather() -> None:
    assert "To choose `SQS_GATHER_MS`" in FIRST_SCREEN
    # 50 events a second are 129.6 million in 30 days.
    assert "| 50 | 94.71 | 94.71 | 0 |" in LINES


def test_the_page_shows_the_measured_figures() -> None:
    assert "| 50 | bare loop | 2.00 | 1.00 | 0.54 | 0.92 | 0.23 | 1.00 | 1.61 | 2.11 |" in PAGE
    assert "| 10 | 9.0 | 5.0 | 1.80 | 27.0 | 15.0 | 1.80 |" in LINES
    assert "| 10 | 10.0 | 6.0 | 29.0 | 17.0 | 25 | 25 |" in LINES
    assert "| this service and beat | 60.0 | 1 | 3 | 172,800 | 0.09 |" in LINES
    assert "| 300 to 900 | 0.92 | 0.23 | 0.73 | 1.23 |" in LINES
    assert "| events per second | 2,000 | 2,000 | 20 | 2,000 |" in LINES
    assert "| ReceiveMessage | 0.110 | 0.110 | 0.110 | 0.110 |" in LINES
    words = " ".join(PAGE.split())
    assert "10,000 events for each second" in words
    assert "Node.js 22.20.0, sqs-consumer 15.0.3" in words
    assert "at commit unknown with 2 cores of Abacus 3000, 8 GB" in words


def test_the_page_has_charts_of_throughput_and_cpu() -> None:
    assert "    y-axis 0 --> 2000\n    bar [2000, 2000, 20, 2000]\n```\n" in PAGE
    assert "    y-axis 0 --> 2\n    bar [0.75, 0.75, 0.75, 2]\n```\n" in PAGE


def test_the_json_can_be_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PUBLISH", raising=False)
    monkeypatch.setattr(results, "PROJECT_ROOT", tmp_path)
    monkeypatch.setattr(results, "IGNORED", tmp_path)

    BENCHMARK.write(run_of(COMPARISON), console=Console(quiet=True))
    run = BENCHMARK.read(tmp_path)
    assert run

    assert run == run_of(COMPARISON)
    assert BENCHMARK.as_json(run) == results.json_path(into=tmp_path, name="bench").read_text()


def test_the_json_has_the_figures_by_rate_and_subject() -> None:
    document = json.loads(BENCHMARK.as_json(run_of(COMPARISON)))

    assert document["whole_life"].keys() == {"1", "10", "50", "backlog"}
    assert document["whole_life"]["50"]["floor"] == pytest.approx(
        asdict(COMPARISON.subjects["floor"].whole_life("50"))
    )
    assert document["idle_requests_per_month"] == {
        "service": 129_600,
        "service_with_beat": 172_800,
    }
    assert document["main_process"] == {"events_per_second": 10_000}
