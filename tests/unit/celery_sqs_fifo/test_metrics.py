"""The transport counts what happens on a consumed queue. The test acts as the pool."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import NoCredentialsError
from prometheus_client import CollectorRegistry, generate_latest

from celery_sqs_fifo import Outcome, Result
from celery_sqs_fifo import metrics as module
from celery_sqs_fifo.metrics import (
    MAX_REASONS,
    OWN_REASONS,
    DroppedEvents,
    consumer_gauges,
    metrics,
)
from tests.support.fake_calls import sqs_message
from tests.support.scraping import Scrape, read
from tests.unit.celery_sqs_fifo.consuming.test_consumer import (
    BUG,
    RECEIVE,
    SEND,
    UNAVAILABLE,
    Worker,
    messages,
)
from tests.unit.celery_sqs_fifo.consuming.test_sqs_calls import Asked

INVALID = Outcome(Result.INVALID, "not_json", "the body is not JSON")


@pytest.fixture(autouse=True)
def _own_metrics(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the counters to zero and forget the states of other tests, as in a new process."""
    monkeypatch.setattr(consumer_gauges, "_observed", {})
    metrics.cache_clear()
    yield
    metrics.cache_clear()


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    worker = Worker(monkeypatch, batch_size=1).start()
    monkeypatch.setattr(module, "time", worker.loop.time)
    monkeypatch.setattr("celery_sqs_fifo.consuming.receiver.time", worker.loop.time)
    yield worker
    worker.consumer.close()


def counters() -> Scrape:
    return read(generate_latest(metrics().registry).decode())


def gauges() -> Scrape:
    registry = CollectorRegistry()
    registry.register(consumer_gauges)
    return read(generate_latest(registry).decode())


def gauge(name: str) -> float:
    return gauges().value(f"sqs_fifo_{name}", queue="queue")


def count(name: str, **labels: str) -> float:
    return counters().value(f"sqs_fifo_{name}_total", **labels)


def test_receipts_redeliveries_and_deletes_are_counted(worker: Worker) -> None:
    again = sqs_message("again", group="other")
    again["Attributes"]["ApproximateReceiveCount"] = "2"
    worker.receive(*messages("g", 2), again)
    worker.finish_all()
    worker.loop.advance(1)

    assert count("received") == 3
    assert count("redelivered") == 1
    assert count("deleted") == 3
    assert count("deleted_too_late") == 0


def test_a_delete_after_the_end_of_the_lease_is_not_counted_as_deleted(worker: Worker) -> None:
    worker.calls.refused = {"handle-1": "ReceiptHandleIsInvalid"}
    worker.receive(sqs_message("1"))
    worker.finish_all()
    worker.loop.advance(1)

    assert count("deleted") == 0
    assert count("deleted_too_late") == 1


def test_calls_are_counted_by_action_and_result() -> None:
    asked = Asked()
    for status in (200, 200, 500):
        asked.receive()
        asked.respond(status, b"{}")
    asked.signer.fails_with = NoCredentialsError()
    asked.receive()
    asked.loop.run_once()

    assert count("calls", action=RECEIVE, result="ok") == 2
    assert count("calls", action=RECEIVE, result="error") == 2


def test_a_message_counts_as_quarantined_after_its_copy_is_confirmed(worker: Worker) -> None:
    worker.calls.at_once.remove(SEND)
    worker.receive(sqs_message("1"), sqs_message("2", group="other"))
    worker.settle("handle-1", [INVALID])
    assert count("quarantined", reason="not_json") == 0

    worker.calls.answer(SEND)
    assert count("quarantined", reason="not_json") == 1


@pytest.mark.usefixtures("worker")
def test_the_counts_of_reasons_begin_before_the_first_message_is_quarantined() -> None:
    begun = counters().labels_of("sqs_fifo_quarantined_total")

    assert {labels["reason"] for labels in begun} == {*OWN_REASONS, "not_json"}


def test_reasons_beyond_a_bound_count_as_other() -> None:
    for number in range(MAX_REASONS + 5):
        metrics().quarantined_for(f"reason-{number}")
    metrics().quarantined_for("reason-0")

    assert count("quarantined", reason="reason-0") == 2
    assert count("quarantined", reason="other") == 5 + len(OWN_REASONS)
    assert len(counters().labels_of("sqs_fifo_quarantined_total")) == MAX_REASONS + 1


def test_reruns_are_counted_by_the_result_of_the_failed_run(worker: Worker) -> None:
    worker.receive(sqs_message("1"), sqs_message("2", group="other"))
    worker.settle("handle-1", [UNAVAILABLE])
    worker.settle("handle-2", [BUG])
    worker.receive(sqs_message("3", group="third"))
    worker.settle("handle-3", None)

    assert count("held_for_rerun", result="unavailable") == 1
    assert count("held_for_rerun", result="bug") == 1
    assert count("held_for_rerun", result="lost") == 1


def test_all_events_of_a_lost_batch_are_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(monkeypatch, processes=1, batch_size=10).start()
    worker.receive(*messages("g", 4))
    worker.settle(next(iter(worker.handed)), None)
    worker.consumer.close()

    assert count("held_for_rerun", result="lost") == 4
    assert counters().value("sqs_fifo_batch_size_sum") == 5
    assert counters().value("sqs_fifo_batch_size_bucket", le="3.0") == 1


def test_the_state_of_a_consumer_is_noted_every_few_seconds(worker: Worker) -> None:
    queued_at = worker.loop.time() - 30
    first, second = messages("g", 2, sent_at=queued_at)
    worker.receive(first, second, *messages("h", 1, sent_at=queued_at + 20), *messages("i", 1))
    assert gauge("held_messages") == 0

    worker.loop.advance(5)

    assert gauge("held_messages") == 4
    assert gauge("running_tasks") == 2
    assert gauge("running_groups") == 2
    assert gauge("ready_groups") == 1
    assert gauge("circuit_open") == 0
    assert gauge("receive_lag_seconds") == pytest.approx(30)
    assert gauge("oldest_held_age_seconds") == pytest.approx(35)
    assert gauge("last_receive_timestamp_seconds") == pytest.approx(worker.loop.time() - 5)

    worker.finish_all()
    worker.loop.advance(5)
    assert gauge("held_messages") == gauge("oldest_held_age_seconds") == 0


def test_an_empty_receive_has_no_lag(worker: Worker) -> None:
    worker.receive(sqs_message("1", sent_at=worker.loop.time() - 30))
    worker.receive()
    worker.loop.advance(5)

    assert gauge("receive_lag_seconds") == 0


def test_an_open_circuit_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(monkeypatch, probe="probe").start()
    worker.loop.advance(5)
    assert gauge("circuit_open") == 1

    worker.settle(worker.probe)
    worker.loop.advance(5)
    assert gauge("circuit_open") == 0
    worker.consumer.close()


def test_a_closed_consumer_has_no_gauges(worker: Worker) -> None:
    worker.consumer.close()

    # Another test of this process may have left a consumer of another queue.
    assert ("queue", "queue") not in {label for _, labels in gauges().samples for label in labels}


def test_dropped_control_events_are_read_at_each_scrape() -> None:
    dropped = [3]
    registry = CollectorRegistry()
    registry.register(DroppedEvents(lambda: dropped[0]))
    dropped[0] = 7

    page = read(generate_latest(registry).decode())
    assert page.value("sqs_fifo_control_events_dropped_total") == 7


def test_a_report_has_ages_and_the_reasons_why_nothing_is_received(worker: Worker) -> None:
    worker.calls.failing = {"ReceiveMessage": "HTTP 403 AccessDenied"}
    worker.loop.advance(60.0)

    (report,) = consumer_gauges.reports().values()

    assert report["received_age"] == pytest.approx(60.0, abs=5.0)
    assert report["observed_age"] <= module.OBSERVE_EVERY
    assert report["failing_calls"] == {"ReceiveMessage": "HTTP 403 AccessDenied"}
    assert (report["wants_more"], report["circuit_is_open"]) == (True, False)
    assert (report["credentials_expire_in"], report["causes"]) == (None, [])
