"""A worker reports the events that failed and will run again."""

from typing import Any

import pytest

from celery_sqs_fifo import Outcome, Result
from celery_sqs_fifo.consuming.held import MAX_REPORTED
from tests.support.fake_calls import sqs_message
from tests.unit.celery_sqs_fifo.consuming.test_consumer import UNAVAILABLE, Worker, one_of_each

KEY_ERROR = Outcome(Result.BUG, "bug", "steps.py:10 run > store.py:118 put > KeyError")


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    return Worker(monkeypatch, batch_size=1, processes=20).start()


def fail(worker: Worker, outcome: Outcome) -> None:
    """Let everything that the pool has fail."""
    for tag in list(worker.handed):
        worker.settle(tag, outcome)


def only_event(worker: Worker) -> Any:
    (event,) = worker.consumer.held_events()["events"]
    return event


def test_a_worker_without_failures_reports_no_event(worker: Worker) -> None:
    worker.receive(sqs_message("runs"))

    assert worker.consumer.held_events() == {"total": 0, "events": []}


def test_an_event_that_failed_is_reported_with_its_reason_its_cause_and_its_attempts(
    worker: Worker,
) -> None:
    worker.receive(sqs_message("m-1"))
    fail(worker, UNAVAILABLE)
    worker.loop.advance(1)
    fail(worker, KEY_ERROR)
    worker.loop.advance(0.2)

    event = only_event(worker)

    assert (event["message_id"], event["attempts"]) == ("m-1", 2)
    assert (event["reason"], event["cause"]) == ("bug", "store.py:118 put > KeyError")
    assert event["held_for_seconds"] == pytest.approx(1.2)


def test_an_event_that_runs_again_is_still_reported_and_one_that_took_effect_is_not(
    worker: Worker,
) -> None:
    worker.receive(sqs_message("m-1"))
    fail(worker, UNAVAILABLE)
    worker.loop.advance(1)
    assert worker.handed
    assert only_event(worker)["attempts"] == 1

    worker.finish_all()

    assert worker.consumer.held_events()["total"] == 0


def test_the_first_events_that_failed_are_listed_and_all_are_counted(worker: Worker) -> None:
    worker.receive(sqs_message("first", group="first"))
    fail(worker, KEY_ERROR)
    worker.receive(*one_of_each(MAX_REPORTED))
    fail(worker, KEY_ERROR)

    report = worker.consumer.held_events()

    assert report["total"] == MAX_REPORTED + 1
    assert len(report["events"]) == MAX_REPORTED
    assert report["events"][0]["message_id"] == "first"
