"""The exporter serves the counters of the service, and reads gauges at each scrape."""

import logging
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest, values

from celery_sqs_fifo import WAITING, BatchItem, Outcome, Place, QueuedEvent, Result
from observability.metrics import counters, exporter, state
from observability.metrics.definitions import Gauge, Reading
from observability.metrics.state import Source, StateCollector
from tests.support.metrics_catalogue import catalogue
from tests.support.pages import page, tables
from tests.support.scraping import Scrape, read

DEPTH = Gauge(name="depth", meaning="How deep it is.", labels=("pond",))
OTHER = Gauge(name="other", meaning="Something else.")


@pytest.fixture(autouse=True)
def _own_counters() -> Iterator[None]:
    """Reset the counters to zero, as in a new process."""
    counters.metrics.cache_clear()
    yield
    counters.metrics.cache_clear()


def counted() -> Scrape:
    return read(generate_latest(counters.metrics().registry).decode())


def item(*, event_type: str | None, outcome: Outcome | None = None, age: float = 0) -> BatchItem:
    """Return an event that was queued `age` seconds ago. Without a type, it is unreadable."""
    event = QueuedEvent(
        message_id="m",
        group_id="g",
        place=Place(int((time.time() - age) * 1000), 1, "g"),
        body="{}",
    )
    state = SimpleNamespace(event_type=event_type, event=None) if event_type else None
    return BatchItem(event, state=state, outcome=outcome)


def reading_collector(*sources: Source) -> Callable[[], Scrape]:
    registry = CollectorRegistry()
    registry.register(StateCollector(sources))
    return lambda: read(generate_latest(registry).decode())


def depth_of(read_depth: Callable[[], Reading], *, name: str = "pond") -> Source:
    return Source(name=name, gauges=(DEPTH,), read=read_depth)


def test_the_tables_of_the_documentation_are_the_metrics_of_the_code() -> None:
    documented = [
        row
        for table in tables(page("docs/metrics.md"))
        if table[0] == ["Metric", "Type", "Labels", "Meaning"]
        for row in table[1:]
    ]

    assert documented == [
        [
            f"`{one.name}`",
            one.type,
            ", ".join(f"`{label}`" for label in one.labels),
            one.meaning,
        ]
        for one in catalogue()
    ]


def test_no_label_names_a_project_a_group_or_a_contact() -> None:
    labels = {label for one in catalogue() for label in one.labels}

    assert labels <= {
        *("queue", "reason", "result", "action", "event_type", "outcome", "step"),
        *("kind", "found", "by", "source", "task", "problem", "attribute_type", "status"),
    }


def test_the_ends_of_a_delivery_are_counted_by_type_and_outcome() -> None:
    counters.count_delivery(
        [
            item(event_type="message.received"),
            item(event_type="message.received"),
            item(event_type=None, outcome=Outcome(Result.INVALID, "not_json")),
            item(event_type="message.sent", outcome=Outcome(Result.BUG, "bug")),
            item(event_type="message.sent", outcome=WAITING),
        ]
    )

    ended = "conversations_events_ended_total"
    assert counted().value(ended, event_type="message.received", outcome="done") == 2
    assert counted().value(ended, event_type="unread", outcome="invalid") == 1
    assert counted().value(ended, event_type="message.sent", outcome="bug") == 1
    assert len(counted().labels_of(ended)) == 3


def test_latency_is_measured_from_queueing_for_events_that_took_effect() -> None:
    counters.count_delivery(
        [
            item(event_type="message.received", age=2),
            item(event_type="message.received", age=7_200),
            # The clock of SQS may be ahead of this machine's clock.
            item(event_type="message.received", age=-5),
            item(event_type="message.received", age=2, outcome=Outcome(Result.UNAVAILABLE)),
        ]
    )

    bucket = "conversations_event_latency_seconds_bucket"
    assert counted().value(bucket, le="0.01") == 1
    assert counted().value(bucket, le="2.5") == 2
    assert counted().value(bucket, le="3600.0") == 2
    assert counted().value(bucket, le="14400.0") == 3


def test_a_step_is_timed_under_its_short_name() -> None:
    counters.observe_step("tasks.pipeline.persist_dynamo", seconds=0.2)

    seconds = "conversations_step_seconds"
    assert counted().value(f"{seconds}_sum", step="persist_dynamo") == pytest.approx(0.2)
    assert counted().value(f"{seconds}_bucket", step="persist_dynamo", le="0.1") == 0


def test_the_gauges_of_a_failed_source_are_missing_and_the_failure_is_counted() -> None:
    def fail() -> Reading:
        raise OSError("nobody answers")

    scrape = reading_collector(
        depth_of(fail),
        Source(name="well", gauges=(OTHER,), read=lambda: {"other": {(): 3.0}}),
    )()

    assert scrape.labels_of("depth") == []
    assert scrape.value("conversations_state_errors_total", source="pond") == 1
    assert scrape.value("conversations_state_errors_total", source="well") == 0
    assert scrape.value("other") == 3


def test_a_source_that_hangs_is_not_waited_for_or_read_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state, "SCRAPE_TIMEOUT", 0.05)
    answered = threading.Event()
    asked: list[str] = []

    def hang() -> Reading:
        asked.append("depth")
        answered.wait(30)
        return {"depth": {("a",): 1.0}}

    scrape = reading_collector(depth_of(hang))
    assert scrape().labels_of("depth") == []
    assert scrape().value("conversations_state_errors_total", source="pond") == 2
    assert asked == ["depth"]

    answered.set()
    monkeypatch.setattr(state, "SCRAPE_TIMEOUT", 30)
    assert scrape().value("depth", pond="a") == 1


def test_a_fresh_reading_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def read_depth() -> Reading:
        asked.append(1.0)
        return {"depth": {("a",): float(len(asked))}}

    scrape = reading_collector(depth_of(read_depth))
    assert [scrape().value("depth", pond="a") for _ in range(3)] == [1, 1, 1]

    monkeypatch.setattr(state, "MAX_READING_AGE", 0.0)
    assert scrape().value("depth", pond="a") == 2


def test_a_source_that_failed_is_read_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Reading | Exception] = [OSError("down"), {"depth": {("a",): 1.0}}]

    def read_depth() -> Reading:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    scrape = reading_collector(depth_of(read_depth))
    assert scrape().labels_of("depth") == []
    monkeypatch.setattr(state, "MAX_READING_AGE", 0.0)
    assert scrape().value("depth", pond="a") == 1


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_worker_whose_port_is_in_use_logs_it_once_and_continues(
    taken_port: int,
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.METRICS_PORT = taken_port
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    values_before = values.ValueClass

    with caplog.at_level(logging.INFO):
        exporter.start(sender=None)

    (line,) = caplog.records
    assert line.levelname == "ERROR"
    assert line.message == "metrics_not_served"
    assert (line.__dict__["port"], line.__dict__["address"]) == (taken_port, "127.0.0.1")
    assert list(tmp_path.iterdir()) == []
    assert values.ValueClass is values_before


def test_the_values_of_a_worker_that_was_killed_are_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    of_one_that_lives, lock = exporter.new_directory()
    of_one_that_was_killed, lost_lock = exporter.new_directory()
    os.close(lost_lock)
    of_one_that_begins = tmp_path / f"{exporter.PREFIX}new"
    of_one_that_begins.mkdir()
    elsewhere = tmp_path / "something-else"
    elsewhere.mkdir()
    for old in (of_one_that_lives, of_one_that_was_killed, elsewhere):
        os.utime(old, (0, 0))

    own, own_lock = exporter.new_directory()

    assert set(tmp_path.iterdir()) == {
        *(Path(of_one_that_lives), of_one_that_begins, elsewhere, Path(own)),
    }
    os.close(lock)
    os.close(own_lock)


def test_without_a_port_nothing_is_served_or_created(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.METRICS_PORT = ""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    threads = threading.active_count()

    exporter.start(sender=None)

    assert threading.active_count() == threads
    assert list(tmp_path.iterdir()) == []
