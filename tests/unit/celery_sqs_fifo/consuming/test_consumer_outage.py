"""What a consumer does while dependencies are down, and when it counts as alive."""

from pathlib import Path

import pytest

from tests.support.fake_calls import sqs_message
from tests.unit.celery_sqs_fifo.consuming.test_consumer import (
    EITHER_WAY,
    RECEIVE,
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


def test_while_it_is_open_nothing_is_received_and_nothing_is_handed_out(worker: Worker) -> None:
    open_circuit(worker)
    worker.receive(*[sqs_message(f"late{n}", group=f"late{n}") for n in range(5)])
    worker.loop.advance(0.4)
    assert (worker.polls, worker.handed) == (0, {})

    worker.loop.advance(60)
    assert (worker.polls, list(worker.handed)) == (0, [worker.probe])


def test_one_probe_runs_at_a_time(worker: Worker) -> None:
    open_circuit(worker)
    worker.loop.advance(600)

    assert len(worker.handed) == 1


def test_it_closes_on_success_and_what_waited_runs(worker: Worker) -> None:
    open_circuit(worker)
    worker.loop.advance(60)
    worker.settle(worker.probe)

    assert sorted(worker.order[-3:]) == [["m0"], ["m1"], ["m2"]]


def test_one_failing_group_stops_nobody(worker: Worker) -> None:
    worker.settle(worker.probe)
    worker.receive(*messages("bad", 1))
    for _ in range(10):
        worker.settle("handle-bad0", [UNAVAILABLE])
        worker.loop.advance(30)
    worker.receive()
    worker.receive(sqs_message("good", group="good"))

    assert worker.order[-1] == ["good"]


def test_no_probe_runs_after_stop(worker: Worker) -> None:
    worker.settle(worker.probe, None)
    worker.consumer.stop()
    worker.loop.advance(60)

    assert worker.handed == {}


def is_alive_after(worker: Worker, seconds: float, file: Path) -> bool:
    worker.loop.advance(seconds)
    file.unlink(missing_ok=True)
    worker.loop.advance(5)
    return file.exists()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "alive"


def test_without_a_successful_receive_it_is_dead_after_a_while(
    monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    worker = Worker(monkeypatch, liveness_file=str(file), receive_within=120).start()
    assert is_alive_after(worker, 100, file)
    assert not is_alive_after(worker, 30, file)

    worker.receive()
    assert is_alive_after(worker, 0, file)


def test_failed_receives_are_no_sign_of_life(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    worker = Worker(monkeypatch, liveness_file=str(file), receive_within=120).start()
    for _ in range(20):
        worker.calls.answer(RECEIVE, error="HTTP 503 x")
        worker.loop.advance(31)

    assert not is_alive_after(worker, 0, file)


def test_with_an_open_circuit_it_is_alive(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    worker = Worker(monkeypatch, liveness_file=str(file), probe="ordinary").start()

    assert is_alive_after(worker, 10_000, file)


def test_with_enough_to_do_it_is_alive(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    worker = Worker(monkeypatch, liveness_file=str(file), max_held=1).start()
    worker.receive(sqs_message())

    assert is_alive_after(worker, 1_000, file)
