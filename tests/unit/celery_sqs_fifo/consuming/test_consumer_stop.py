"""A stopped consumer receives nothing, and returns all messages that are not running to SQS."""

import logging

import pytest

from tests.support.fake_calls import sqs_message
from tests.unit.celery_sqs_fifo.consuming.test_consumer import (
    BUG,
    DELETE,
    EITHER_WAY,
    RECEIVE,
    Worker,
    messages,
    one_of_each,
)


@pytest.fixture(params=EITHER_WAY)
def worker(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Worker:
    return Worker(monkeypatch, batch_size=request.param).start()


def test_waiting_and_held_messages_are_released_and_running_ones_are_not(worker: Worker) -> None:
    worker.receive(sqs_message("parked", group="p"))
    worker.settle("handle-parked", [BUG])
    worker.receive(*messages("a", 3), sqs_message("b", group="b"), *messages("c", 1))
    running = [name for batch in worker.order[1:] for name in batch]
    worker.loop.call_soon(worker.receive)
    worker.consumer.stop()

    names = {"parked", "a0", "a1", "a2", "b", "c0"}
    assert running
    assert set(worker.calls.released) == {f"handle-{name}" for name in names.difference(running)}


def test_a_stop_waits_for_the_open_poll_and_gives_back_its_messages(worker: Worker) -> None:
    worker.loop.call_later(1.5, worker.receive, *messages("late", 3))
    began = worker.loop.now
    worker.consumer.stop()

    assert 1.5 <= worker.loop.now - began < 2
    assert worker.calls.released == ["handle-late0", "handle-late1", "handle-late2"]
    assert (worker.handed, worker.polls) == ({}, 0)


def test_a_stop_waits_for_a_hanging_poll_no_longer_than_a_poll_takes(worker: Worker) -> None:
    began = worker.loop.now
    worker.consumer.stop()

    assert 20 <= worker.loop.now - began <= 21.5


def test_a_poll_that_fails_at_the_end_is_not_tried_again(worker: Worker) -> None:
    worker.loop.call_soon(lambda: worker.calls.answer(RECEIVE, error="HTTP 500 x"))
    worker.consumer.stop()
    worker.loop.advance(60)

    assert worker.polls == 0


def test_results_that_arrive_after_the_stop_are_settled_immediately(worker: Worker) -> None:
    worker.receive(*one_of_each(2))
    worker.loop.call_soon(worker.receive)
    worker.consumer.stop()
    worker.settle("handle-m0")
    assert worker.calls.deleted == ["handle-m0"]

    worker.settle("handle-m1", [BUG])
    assert worker.calls.released == ["handle-m1"]
    assert worker.polls == 0


def test_batches_that_the_pool_never_settles_are_released(worker: Worker) -> None:
    worker.receive(*messages("a", 1))
    worker.loop.call_soon(worker.receive)
    worker.consumer.stop()
    worker.consumer.release_running("handle-a0")
    worker.consumer.release_running("handle-a0")

    assert worker.calls.released == ["handle-a0"]
    assert worker.consumer.running == 0


def test_a_second_stop_does_nothing(worker: Worker) -> None:
    worker.loop.call_soon(worker.receive)
    worker.consumer.stop()
    made, now = len(worker.calls.made), worker.loop.now
    worker.consumer.stop()

    assert (len(worker.calls.made), worker.loop.now) == (made, now)


def test_a_stop_before_the_first_turn_of_the_loop_receives_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker(monkeypatch)
    worker.consumer.start()
    worker.consumer.stop()
    worker.loop.advance(1)

    assert worker.calls.made == []


def test_leases_of_running_messages_are_renewed_until_the_end(worker: Worker) -> None:
    worker.receive(sqs_message("slow"))
    worker.loop.call_soon(worker.receive)
    worker.consumer.stop()
    worker.loop.advance(120)
    assert "handle-slow" in worker.calls.renewed

    worker.consumer.close()
    before = len(worker.calls.renewed)
    worker.loop.advance(600)
    assert len(worker.calls.renewed) == before


def test_the_number_of_sqs_calls_is_logged_at_the_end(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    worker.receive(sqs_message("1"))
    worker.settle("handle-1")
    worker.loop.call_soon(worker.receive)
    with caplog.at_level(logging.INFO, "celery_sqs_fifo"):
        worker.consumer.stop()
        worker.consumer.close()

    (record,) = caplog.records
    assert record.message == "consumer_stopped"
    assert record.__dict__["sqs_calls"] == {RECEIVE: 2, DELETE: 1}
