"""While dependencies are down, the consumer receives nothing but stays alive."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_calls import sqs_message
from tests.unit.celery_sqs_fifo.consuming.test_consumer import (
    BUG,
    EITHER_WAY,
    RECEIVE,
    SEND,
    UNAVAILABLE,
    Worker,
    messages,
    one_of_each,
)


@pytest.fixture(params=EITHER_WAY)
def worker(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Worker:
    return Worker(monkeypatch, processes=3, probe="ordinary", batch_size=request.param).start()


def open_circuit(worker: Worker) -> None:
    worker.settle(worker.probe)
    worker.receive(*one_of_each(3))
    for number in range(3):
        worker.settle(f"handle-m{number}", [UNAVAILABLE])


def test_nothing_is_received_before_a_first_probe_succeeded(worker: Worker) -> None:
    assert (worker.polls, len(worker.handed)) == (0, 1)
    worker.settle(worker.probe, [UNAVAILABLE])
    assert worker.polls == 0

    worker.loop.advance(0.5)
    worker.settle(worker.probe)
    assert worker.polls == 1


def test_a_probe_whose_process_was_lost_has_failed(worker: Worker) -> None:
    worker.settle(worker.probe, None)
    assert worker.polls == 0

    worker.loop.advance(0.5)
    assert worker.probe


def test_an_open_circuit_stops_receiving_and_running(worker: Worker) -> None:
    open_circuit(worker)
    worker.receive(*[sqs_message(f"late{n}", group=f"late{n}") for n in range(5)])
    worker.loop.advance(0.4)
    assert (worker.polls, worker.handed) == (0, {})

    worker.loop.advance(60)
    assert (worker.polls, list(worker.handed)) == (0, [worker.probe])


def refuse(_message: dict[str, Any]) -> None:
    """Raise an error, as a pool does that cannot fork."""
    raise BlockingIOError


def test_a_probe_that_the_pool_refuses_has_failed_and_runs_again(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.settle(worker.probe, [UNAVAILABLE])
    with monkeypatch.context() as patch:
        patch.setattr(worker.consumer, "_hand_over", refuse)
        worker.loop.advance(60)
    assert (worker.consumer.running, worker.polls) == (0, 0)

    worker.loop.advance(30)
    worker.settle(worker.probe)
    assert worker.polls == 1


def test_one_probe_runs_at_a_time(worker: Worker) -> None:
    open_circuit(worker)
    worker.loop.advance(600)

    assert len(worker.handed) == 1


def test_the_circuit_closes_after_a_successful_probe_and_waiting_events_run(worker: Worker) -> None:
    open_circuit(worker)
    worker.loop.advance(60)
    worker.settle(worker.probe)

    assert sorted(worker.order[-3:]) == [["m0"], ["m1"], ["m2"]]


def test_one_failing_group_does_not_stop_other_groups(worker: Worker) -> None:
    worker.settle(worker.probe)
    worker.receive(*messages("bad", 1))
    for _ in range(10):
        worker.settle("handle-bad0", [UNAVAILABLE])
        worker.loop.advance(30)
    worker.receive()
    worker.receive(sqs_message("good", group="good"))

    assert worker.order[-1] == ["good"]


def test_without_other_events_the_probe_decides_whether_a_failure_counts(worker: Worker) -> None:
    worker.settle(worker.probe)
    worker.receive(*messages("bad", 1))
    for _ in range(5):
        worker.settle("handle-bad0", [BUG])
        worker.loop.advance(30)
        worker.settle(worker.probe, [UNAVAILABLE])
        worker.loop.advance(30)
    assert worker.calls.of(SEND) == []

    for _ in range(5):
        assert worker.calls.of(SEND) == []
        worker.settle("handle-bad0", [BUG])
        worker.loop.advance(30)
        worker.settle(worker.probe)
        worker.loop.advance(30)
    assert len(worker.calls.of(SEND)) == 1


def test_no_probe_runs_if_another_event_succeeded_after_the_failure(worker: Worker) -> None:
    worker.settle(worker.probe)
    worker.receive(*messages("bad", 1))
    worker.settle("handle-bad0", [BUG])
    worker.receive(*messages("good", 1))
    worker.settle("handle-good0")
    worker.loop.advance(0.5)

    assert list(worker.handed) == ["handle-bad0"]


def test_many_groups_that_fail_unexpectedly_stop_receiving_only_if_the_probe_fails(
    worker: Worker,
) -> None:
    worker.settle(worker.probe)
    worker.receive(*one_of_each(3))
    for number in range(3):
        worker.settle(f"handle-m{number}", [BUG])
    worker.receive()
    assert worker.polls == 1

    worker.loop.advance(0.5)
    worker.settle(worker.probe, [UNAVAILABLE])
    worker.receive()
    assert worker.polls == 0


def test_without_a_probe_failing_groups_that_fill_the_worker_are_parked_and_not_charged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker(monkeypatch, processes=3, max_set_aside=2).start()
    worker.receive(*one_of_each(3))
    for number in range(3):
        worker.settle(f"handle-m{number}", [BUG])
    assert worker.calls.of(SEND) == []
    assert worker.calls.parked_for(5) == {"handle-m2"}
    worker.receive(sqs_message("good", group="good"))

    assert worker.order[-1] == ["good"]


def test_an_event_that_is_lost_while_a_worker_has_no_room_waits_for_a_fifth_of_its_age(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker(monkeypatch, processes=3, max_set_aside=2).start()
    old = sqs_message("old", group="old", sent_at=worker.loop.time() - 100)
    # Many workers that held it were killed.
    old["Attributes"]["ApproximateReceiveCount"] = "9"
    worker.receive(*one_of_each(2), old)
    for name in ("m0", "m1", "old"):
        worker.settle(f"handle-{name}", None)

    assert worker.calls.parked_for(20) == {"handle-old"}


def test_no_probe_runs_after_stop(worker: Worker) -> None:
    worker.settle(worker.probe, None)
    worker.consumer.stop()
    worker.loop.advance(60)

    assert worker.handed == {}


def test_a_stopped_consumer_does_nothing_while_its_circuit_is_open(worker: Worker) -> None:
    """It does not even search for events near their retention, as a running consumer would."""
    worker.settle(worker.probe, None)
    worker.loop.advance(3601)
    worker.receive(sqs_message("waiting"))
    worker.consumer.stop()
    assert worker.calls.released == ["handle-waiting"]

    made = dict(worker.calls.counts)
    worker.settle(worker.probe, None)
    worker.loop.advance(2 * 3600)
    assert (worker.handed, worker.polls) == ({}, 0)
    assert worker.calls.counts == made


def is_alive_after(worker: Worker, seconds: float, file: Path) -> bool:
    worker.loop.advance(seconds)
    file.unlink(missing_ok=True)
    worker.loop.advance(5)
    return file.exists()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "alive"


def test_a_worker_without_a_successful_receive_for_some_time_is_not_alive(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    worker = Worker(monkeypatch, liveness_file=str(file), receive_within=120).start()
    assert is_alive_after(worker, 100, file)
    assert not is_alive_after(worker, 30, file)

    worker.receive()
    assert is_alive_after(worker, 0, file)


def test_a_worker_whose_receives_fail_is_not_alive(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    worker = Worker(monkeypatch, liveness_file=str(file), receive_within=120).start()
    for _ in range(20):
        worker.calls.answer(RECEIVE, error="HTTP 503 x")
        worker.loop.advance(31)

    assert not is_alive_after(worker, 0, file)


def test_a_worker_with_an_open_circuit_is_alive(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    worker = Worker(monkeypatch, liveness_file=str(file), probe="ordinary").start()

    assert is_alive_after(worker, 10_000, file)


def test_a_worker_without_room_to_receive_is_alive(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    worker = Worker(monkeypatch, liveness_file=str(file), max_held=1).start()
    worker.receive(sqs_message())

    assert is_alive_after(worker, 1_000, file)
