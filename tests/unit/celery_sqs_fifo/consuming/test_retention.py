"""In an outage, old events are quarantined before SQS drops them at the end of the retention."""

import pytest

from tests.support.fake_calls import sqs_message
from tests.unit.celery_sqs_fifo.consuming.test_consumer import RECEIVE, SEND, UNAVAILABLE, Worker

HOUR = 3600.0
DAY = 24 * HOUR


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    """Return a worker whose dependencies have been down from its start."""
    worker = Worker(monkeypatch, probe="ordinary", retention=10 * DAY, max_held=20).start()
    worker.settle(worker.probe, [UNAVAILABLE])
    return worker


def of_age(worker: Worker, days: float, *names: str, group: str = "") -> list[dict[str, object]]:
    sent_at = worker.loop.time() - days * DAY
    return [sqs_message(name, group=group or name, sent_at=sent_at) for name in names]


def saved(worker: Worker) -> list[str]:
    return [call.parameters["MessageDeduplicationId"] for call in worker.calls.of(SEND)]


def test_in_an_outage_one_receive_an_hour_looks_for_old_events(worker: Worker) -> None:
    looks = []
    for _ in range(72):
        worker.loop.advance(HOUR / 12)
        looks.append(worker.polls)
        if worker.polls:
            worker.receive()

    assert sum(looks) in (5, 6)
    assert worker.calls.counts[RECEIVE] == sum(looks)


def test_old_events_are_copied_in_the_order_of_their_group_and_deleted(worker: Worker) -> None:
    worker.loop.advance(HOUR)
    worker.receive(*of_age(worker, 8.1, "a1", "a2", "a3", group="a"), *of_age(worker, 8.1, "b"))
    worker.loop.advance(60)

    assert sorted(saved(worker)) == ["a1", "a2", "a3", "b"]
    assert [name for name in saved(worker) if name != "b"] == ["a1", "a2", "a3"]
    assert sorted(worker.calls.deleted) == ["handle-a1", "handle-a2", "handle-a3", "handle-b"]
    reasons = {
        call.parameters["MessageAttributes"]["reason"]["StringValue"]
        for call in worker.calls.of(SEND)
    }
    assert reasons == {"unavailable"}


def test_further_receives_follow_immediately_while_they_find_old_events(worker: Worker) -> None:
    worker.loop.advance(HOUR)
    for number in range(50):
        assert worker.polls
        worker.receive(*of_age(worker, 9, f"old{number}", group="one"))
        # While the delete is on its way, SQS keeps the group locked.
        worker.receive()
        worker.loop.advance(2)
    assert len(saved(worker)) == 50

    worker.loop.advance(61)
    worker.receive()
    assert not worker.polls


def test_younger_events_are_held_until_they_are_old(worker: Worker) -> None:
    worker.loop.advance(HOUR)
    worker.receive(*of_age(worker, 7.9, "young"))
    worker.loop.advance(2 * HOUR)
    assert (saved(worker), worker.calls.released) == ([], [])

    worker.loop.advance(HOUR)
    assert saved(worker) == ["young"]


def test_the_limit_of_held_messages_also_applies_in_an_outage(worker: Worker) -> None:
    for look in range(10):
        worker.loop.advance(HOUR)
        if worker.polls:
            worker.receive(*of_age(worker, 1, *(f"{look}-{number}" for number in range(10))))

    assert worker.calls.counts[RECEIVE] == 2


def test_held_events_run_when_the_outage_ends(worker: Worker) -> None:
    worker.loop.advance(HOUR)
    worker.receive(*of_age(worker, 1, "held"))
    worker.settle(worker.probe)

    assert worker.order[-1] == ["held"]


def test_old_events_run_like_other_events_while_the_dependencies_work(worker: Worker) -> None:
    worker.loop.advance(30)
    worker.settle(worker.probe)
    worker.receive(*of_age(worker, 9.9, "very-old"))

    assert (worker.order[-1], saved(worker)) == (["very-old"], [])
