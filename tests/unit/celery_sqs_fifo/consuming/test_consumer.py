"""A complete consumer with a fake event loop and a fake SQS. The test acts as the pool."""

import json
import logging
from typing import Any

import pytest
from celery import Celery

from celery_sqs_fifo import DONE, FifoTask, Options, Outcome, PointerForm, Result
from celery_sqs_fifo.consuming.consumer import QueueConsumer
from celery_sqs_fifo.metrics import metrics
from tests.support.chain_app import decoded, envelope_of, fifo_app
from tests.support.fake_calls import FakeCalls, sqs_message
from tests.support.fake_loop import FakeLoop, use_clock_of
from tests.unit.celery_sqs_fifo.running.test_envelope import celery_body

RECEIVE = "ReceiveMessage"
SEND = "SendMessage"
DELETE = "DeleteMessageBatch"
CHANGE = "ChangeMessageVisibilityBatch"
UNAVAILABLE = Outcome(Result.UNAVAILABLE, "unavailable", "down")
BUG = Outcome(Result.BUG, "bug")
# Maximal batch sizes, for fixtures of tests that must pass with and without batches.
EITHER_WAY = [pytest.param(10, id="batches"), pytest.param(1, id="single events")]
APP = fifo_app()


def labels_of(*, event: Any = None, **_message: Any) -> dict[str, Any]:
    """Return the scope of an event."""
    return {"scope": event["scope"]} if isinstance(event, dict) and "scope" in event else {}


class Worker:
    """A consumer. `handed` has the batches that it passed to the pool, by delivery tag."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *,
        processes: int = 2,
        app: Celery = APP,
        **options: Any,
    ) -> None:
        self.calls = FakeCalls(at_once={SEND, DELETE, CHANGE})
        self.loop = FakeLoop()
        use_clock_of(self.loop, monkeypatch)
        self.processes = processes
        self.handed: dict[str, dict[str, Any]] = {}
        self.order: list[list[str]] = []
        self.consumer = QueueConsumer(
            queue_url="queue",
            options=Options(
                dead_letter_queue_url="dlq.fifo",
                **{"liveness_file": "", "gather_for": 0.0, **options},
            ),
            calls=self.calls,  # type: ignore[arg-type]
            envelope=envelope_of(
                app,
                is_barrier=lambda document: "barrier" in (document or ()),
                labels_of=labels_of,
                scope_label="scope",
                reasons=("not_json",),
            ),
            hub=self.loop,
            room=lambda: self.processes - self.consumer.running,
            hand_over=self._hand_over,
        )

    def start(self) -> "Worker":
        self.consumer.start()
        self.loop.run_once()
        return self

    def receive(self, *messages: dict[str, Any]) -> None:
        self.calls.receive(messages)

    def settle(self, tag: str, outcomes: Any = DONE) -> None:
        del self.handed[tag]
        self.consumer.settle(tag, outcomes)

    def finish_all(self) -> list[list[str]]:
        """Let the pool succeed until it has no batch left, and return all batches in order."""
        while self.handed:
            self.settle(next(iter(self.handed)))
        return self.order

    @property
    def polls(self) -> int:
        return len([call for call in self.calls.of(RECEIVE) if call.is_open])

    @property
    def probe(self) -> str:
        return next(tag for tag in self.handed if tag.startswith("probe:"))

    def _hand_over(self, message: dict[str, Any]) -> None:
        tag = message["properties"]["delivery_tag"]
        self.handed[tag] = message
        args, _kwargs, _embed = decoded(message)
        is_events = message["headers"]["task"] == "first"
        names = [event["message_id"] for event in args[0]] if is_events else [tag]
        self.order.append(names)


@pytest.fixture(params=EITHER_WAY)
def batch_size(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch, batch_size: int) -> Worker:
    return Worker(monkeypatch, batch_size=batch_size).start()


def dropped_ticks() -> float:
    """Return how many ticks were dropped."""
    value = metrics().registry.get_sample_value("sqs_fifo_ticks_dropped_total", {"task": "tick"})
    return value or 0.0


def messages(group: str, number: int, **options: Any) -> list[dict[str, Any]]:
    return [sqs_message(f"{group}{place}", group=group, **options) for place in range(number)]


def one_of_each(number: int) -> list[dict[str, Any]]:
    return [sqs_message(f"m{place}", group=f"g{place}") for place in range(number)]


def test_an_idle_worker_makes_one_receive_after_the_other_and_nothing_else(worker: Worker) -> None:
    for _ in range(50):
        worker.loop.advance(2)
        worker.receive()

    assert worker.calls.counts == {RECEIVE: 51}


def test_an_event_is_passed_to_the_pool_and_deleted_after_it_took_effect(worker: Worker) -> None:
    worker.receive(sqs_message("1"))
    assert worker.order == [["1"]]
    assert worker.consumer.running == 1

    worker.settle("handle-1")
    worker.loop.advance(1)
    assert worker.calls.deleted == ["handle-1"]
    assert worker.consumer.running == 0


def test_while_processes_are_free_events_are_not_batched(worker: Worker) -> None:
    worker.receive(*one_of_each(2))

    assert worker.order == [["m0"], ["m1"]]


def test_under_backlog_batches_have_up_to_25_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker(monkeypatch, processes=1, lookahead=100).start()
    worker.receive(*one_of_each(1))
    for batch in range(4):
        worker.receive(*[sqs_message(f"{batch}-{n}", group=f"{batch}-{n}") for n in range(10)])

    sizes = [len(batch) for batch in worker.finish_all()]
    assert sizes == [1, 25, 15]


def test_a_small_backlog_is_divided_among_the_free_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker(monkeypatch, processes=4).start()
    worker.receive(*one_of_each(10))

    assert sorted(len(batch) for batch in worker.order) == [2, 2, 3, 3]


@pytest.mark.parametrize(
    ("processes", "batches"), [(4, ["a" * 6, "b", "cc"]), (2, ["a" * 6, "bcc"])]
)
def test_waiting_events_of_one_group_share_a_batch(
    monkeypatch: pytest.MonkeyPatch, processes: int, batches: list[str]
) -> None:
    """Events of one group run one after the other, so a smaller batch would only add a wait."""
    worker = Worker(monkeypatch, processes=processes).start()
    worker.receive(*messages("a", 6), *messages("b", 1), *messages("c", 2))

    assert ["".join(name[0] for name in names) for names in worker.order] == batches


def test_with_a_batch_size_of_one_each_event_runs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(monkeypatch, processes=1, batch_size=1, lookahead=100).start()
    for _ in range(3):
        worker.receive(*[sqs_message(group=f"g{n}") for n in range(10)])

    assert {len(batch) for batch in worker.finish_all()} == {1}


def test_a_batch_is_bounded_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(monkeypatch, processes=1, max_batch_bytes=100).start()
    worker.receive(*messages("a", 10, body="[" + " " * 38 + "]"))

    assert {len(batch) for batch in worker.finish_all()} == {2}


def test_the_pool_never_receives_more_than_it_has_room_for(worker: Worker) -> None:
    worker.receive(*one_of_each(10))
    worker.receive(*one_of_each(10))

    assert (len(worker.handed), worker.consumer.running) == (2, 2)
    worker.settle(next(iter(worker.handed)))
    assert len(worker.handed) == 2


def test_two_events_of_one_group_are_never_with_the_pool_in_different_batches(
    worker: Worker,
) -> None:
    worker.receive(*messages("a", 10))

    assert len(worker.handed) == 1
    assert [name for batch in worker.finish_all() for name in batch] == [
        f"a{place}" for place in range(10)
    ]


def test_a_hot_group_leaves_the_other_processes_to_other_groups(worker: Worker) -> None:
    worker.receive(*messages("hot", 10))
    worker.receive(sqs_message("other", group="other"))

    assert ["other"] in worker.order


def test_receiving_pauses_while_enough_messages_are_held_and_continues_afterwards(
    monkeypatch: pytest.MonkeyPatch, batch_size: int
) -> None:
    worker = Worker(monkeypatch, processes=1, max_held=10, batch_size=batch_size).start()
    worker.receive(*messages("a", 10))
    assert worker.polls == 0

    worker.settle("handle-a0")
    # A finished message counts until its delete is confirmed.
    worker.loop.advance(1)
    assert worker.polls == 1
    assert [len(names) for names in worker.finish_all()] == [batch_size] * (10 // batch_size)


def test_receiving_pauses_while_enough_groups_are_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(monkeypatch, processes=1, lookahead=2, batch_size=1).start()
    worker.receive(*one_of_each(3))
    assert worker.polls == 0

    worker.settle("handle-m0")
    assert worker.polls == 1


def test_a_worker_receives_again_when_all_its_held_messages_were_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker(monkeypatch, processes=1, max_held=2, batch_size=1).start()
    worker.receive(*one_of_each(2))
    assert worker.polls == 0

    worker.calls.refused = {"handle-m1": "ReceiptHandleIsInvalid"}
    worker.loop.advance(60)
    assert "handle-m1" in worker.calls.renewed
    assert worker.polls == 1


def test_leases_are_renewed_periodically(worker: Worker) -> None:
    worker.receive(sqs_message("1"))
    worker.loop.advance(600)

    assert set(worker.calls.renewed) == {"handle-1"}
    assert 10 <= len(worker.calls.renewed) <= 20


def test_messages_whose_leases_ended_while_the_worker_was_frozen_are_given_back(
    worker: Worker,
) -> None:
    worker.loop.now += 60
    worker.receive(sqs_message("1"), sqs_message("2"), sqs_message("other", group="other"))

    assert worker.order == []
    assert worker.calls.released == ["handle-1", "handle-2", "handle-other"]
    assert worker.polls == 1


@pytest.mark.parametrize("body", [celery_body("unknown"), celery_body("point", args=["no uuid"])])
def test_a_message_that_is_not_allowed_is_quarantined_and_its_group_continues(
    worker: Worker, body: str
) -> None:
    worker.receive(sqs_message("forged", body=body), sqs_message("event"))

    assert worker.order == [["event"]]
    (copy,) = worker.calls.of(SEND)
    assert copy.queue_url == "dlq.fifo"
    assert copy.parameters["MessageBody"] == body
    assert copy.parameters["MessageAttributes"]["reason"]["StringValue"] == "not_allowed"


def do_nothing() -> None:
    """Run as a task that does nothing."""


def test_a_pointer_of_a_newer_release_is_given_back_for_a_while_and_then_quarantined(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its group waits with it, so that another worker runs it before later messages."""
    app = fifo_app()
    known = {"base": FifoTask, "pointer": PointerForm.NO_ARGUMENTS, "shared": False}
    app.task(do_nothing, name="tasks.closing.known", **known)
    worker = Worker(monkeypatch, app=app).start()
    unknown = celery_body("tasks.erasing.new_in_the_next_release", args=[])
    queued_at = worker.loop.time()
    behind = sqs_message("behind", sent_at=queued_at)
    worker.receive(sqs_message("new", body=unknown, sent_at=queued_at), behind)
    assert worker.calls.released == ["handle-behind"]
    assert worker.calls.renewed == ["handle-new"]
    (parked,) = [call for call in worker.calls.of(CHANGE) if call.handles == ["handle-new"]]
    assert parked.parameters["Entries"][0]["VisibilityTimeout"] == 30
    assert worker.calls.of(SEND) == []

    worker.loop.advance(899)
    worker.receive(sqs_message("new", body=unknown, sent_at=queued_at))
    assert worker.calls.of(SEND) == []

    worker.loop.advance(2)
    worker.receive(sqs_message("new", body=unknown, sent_at=queued_at))
    (copy,) = worker.calls.of(SEND)
    assert copy.parameters["MessageAttributes"]["reason"]["StringValue"] == "not_allowed"
    assert worker.order == []


def test_a_stale_tick_is_deleted_and_not_run(worker: Worker) -> None:
    tick = celery_body("tick", args=[])
    queued_at = worker.loop.time() - 301
    worker.receive(
        sqs_message("stale", group="t", body=tick, sent_at=queued_at),
        sqs_message("fresh", group="t", body=tick, sent_at=worker.loop.time()),
    )
    assert worker.order == [["handle-fresh"]]

    worker.finish_all()
    worker.loop.advance(1)
    assert worker.calls.deleted == ["handle-stale", "handle-fresh"]


@pytest.mark.parametrize("waiting", [1, 10])
def test_the_newest_tick_runs_however_old_it_is(worker: Worker, waiting: int) -> None:
    """Otherwise nothing would close or be archived while the backlog is older than that."""
    tick = celery_body("tick", args=[])
    queued_at = worker.loop.time() - 3_600
    before = dropped_ticks()
    worker.receive(
        *[
            sqs_message(f"t{number}", group="t", body=tick, sent_at=queued_at + number)
            for number in range(waiting)
        ]
    )
    assert worker.order == [[f"handle-t{waiting - 1}"]]

    worker.finish_all()
    worker.loop.advance(1)
    assert len(worker.calls.deleted) == waiting
    assert dropped_ticks() - before == waiting - 1


def test_an_old_tick_runs_if_only_another_tick_waits_behind_it(worker: Worker) -> None:
    queued_at = worker.loop.time() - 3_600
    for name in ("tick", "other_tick"):
        body = celery_body(name, args=[])
        worker.receive(sqs_message(name, group="t", body=body, sent_at=queued_at))

    assert worker.finish_all() == [["handle-tick"], ["handle-other_tick"]]


def test_a_message_that_cannot_be_classified_does_not_keep_its_batch_from_running(
    worker: Worker,
) -> None:
    """The worker treats the message as a barrier, which goes alone."""
    worker.receive(
        sqs_message("1", group="a"),
        sqs_message("bad", group="b", body="true"),
        sqs_message("2", group="c"),
    )

    assert worker.order == [["1"], ["bad"]]
    assert worker.polls == 1


def test_a_pool_that_refuses_one_message_receives_the_others(
    monkeypatch: pytest.MonkeyPatch, worker: Worker
) -> None:
    hand_over = worker._hand_over

    def refuses_the_first(message: dict[str, Any]) -> None:
        if message["properties"]["delivery_tag"] == "handle-m0":
            raise OSError
        hand_over(message)

    monkeypatch.setattr(worker.consumer, "_hand_over", refuses_the_first)
    try:
        worker.receive(*one_of_each(2))
    except OSError:
        logging.getLogger(__name__).exception("handling an answer failed")

    assert worker.order == [["m1"]]
    assert worker.polls == 1


def test_a_message_that_the_pool_refused_takes_no_room_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker(monkeypatch, processes=1, batch_size=1)
    hand_over = worker._hand_over

    def refuses_the_first(message: dict[str, Any]) -> None:
        if message["properties"]["delivery_tag"] == "handle-m0":
            raise OSError
        hand_over(message)

    monkeypatch.setattr(worker.consumer, "_hand_over", refuses_the_first)
    worker.start().receive(*one_of_each(2))

    assert worker.order == [["m1"]]
    assert worker.consumer.running == 1


def test_an_unknown_settled_message_changes_nothing(worker: Worker) -> None:
    worker.consumer.settle("never seen", DONE)
    worker.receive(sqs_message("1"))
    worker.settle("handle-1")
    worker.consumer.settle("handle-1", None)
    worker.loop.advance(1)

    assert worker.calls.deleted == ["handle-1"]
    assert worker.calls.released == []


def test_a_single_outcome_applies_to_all_events_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(monkeypatch, processes=1).start()
    worker.receive(*messages("a", 3))
    worker.settle("handle-a0", Outcome(Result.INVALID, "revoked"))

    assert [call.parameters["MessageDeduplicationId"] for call in worker.calls.of(SEND)] == [
        "a0",
        "a1",
        "a2",
    ]


def test_other_events_run_while_a_failed_event_waits(worker: Worker) -> None:
    for number in range(20):
        worker.receive(sqs_message(f"bad{number}", group=f"bad{number}"))
        worker.settle(f"handle-bad{number}", [BUG])
    worker.receive(sqs_message("good", group="good"))

    assert worker.order[-1] == ["good"]


def test_the_pool_receives_complete_events(worker: Worker) -> None:
    body = json.dumps({"text": "\x00 \ud83d"})
    worker.receive(sqs_message("1", body=body))
    (events,), _kwargs, _embed = decoded(worker.handed["handle-1"])

    assert events[0]["body"] == body
