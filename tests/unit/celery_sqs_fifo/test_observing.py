"""Errors in metrics and logging never affect the processing of events."""

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram

from celery_sqs_fifo.observing import ObservingMetric, failures, observing


@pytest.fixture(autouse=True)
def _no_failures() -> Iterator[None]:
    failures.clear()
    yield
    failures.clear()


def test_an_error_is_counted_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        with observing("traces"):
            raise OSError("what people wrote")

    assert failures == {"traces": 3}
    (record,) = caplog.records
    assert record.message == "observation_failed"
    assert record.__dict__["observes"] == "traces"
    assert "what people wrote" not in str(record.__dict__)


def test_a_metric_counts_as_usual_without_errors() -> None:
    registry = CollectorRegistry()
    counter = ObservingMetric(lambda: Counter("c", "c", ["l"], registry=registry))
    counter.labels("x").inc()
    counter.labels("x").inc(2)
    histogram = ObservingMetric(lambda: Histogram("h", "h", buckets=[1], registry=registry))
    histogram.observe(0.5)

    assert registry.get_sample_value("c_total", {"l": "x"}) == 3
    assert registry.get_sample_value("h_count") == 1
    assert not failures


def test_a_metric_whose_file_cannot_be_written_raises_nothing_and_counts_again_later() -> None:
    registry = CollectorRegistry()
    is_full = True

    def make() -> Counter:
        if is_full:
            raise OSError
        return Counter("c", "c", registry=registry)

    counter = ObservingMetric(make)
    counter.inc()
    counter.labels("x").inc()
    assert failures["metrics"] > 0

    is_full = False
    counter.inc()
    assert registry.get_sample_value("c_total") == 1
