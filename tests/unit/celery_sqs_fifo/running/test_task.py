"""The steps of a chain in one delivery, run with Celery's own tracing, as in a pool process."""

import logging
import os
import pickle
import threading
from typing import Any

import pytest
from celery import Celery
from celery.app.trace import trace_task

from celery_sqs_fifo import (
    DONE,
    WAITING,
    BatchItem,
    EventsFailed,
    FifoTask,
    Outcome,
    Place,
    Result,
    process_each,
)
from tests.support.chain_app import (
    CHAIN,
    Step,
    envelope_of,
    fifo_app,
    run_as_pool_process,
)
from tests.support.fake_calls import delivery

INVALID = Outcome(Result.INVALID, "malformed")
UNAVAILABLE = Outcome(Result.UNAVAILABLE, "unavailable")


class Log:
    """Three steps that record the events they run, and set the outcomes that a test chooses."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, list[str]]] = []
        self.places: set[tuple[int, int]] = set()

    def step(self, name: str, ends: dict[str, Outcome] | None = None) -> Step:
        def run(batch: list[BatchItem]) -> None:
            pending = [item for item in batch if item.outcome is None]
            self.seen.append((name, [item.event.message_id for item in pending]))
            self.places.add((os.getpid(), threading.get_ident()))
            for item in pending:
                item.outcome = (ends or {}).get(item.event.message_id)
                item.state = f"{item.state or ''}{name}"

        return run

    def app(self, **ends: dict[str, Outcome]) -> Celery:
        steps: dict[str, Any] = {name: self.step(name, ends.get(name)) for name in CHAIN}
        return fifo_app(**steps)


def fails(error: Exception) -> Step:
    def run(_batch: list[BatchItem]) -> None:
        raise error

    return run


def run_batch(app: Celery, *names: str, group: str | None = None) -> Any:
    """Run a batch and return its error, if any. Without `group` each event has its own group."""
    batch = [delivery(name, group=group or name, body="a secret") for name in names]
    failed, result, _runtime = run_as_pool_process(app, envelope_of(app).message(batch))
    # The error is still in the wrapper that billiard uses to pickle it for another process.
    return getattr(result.exception, "exc", result.exception) if failed else None


def outcomes_of(error: Any) -> list[Outcome]:
    assert isinstance(error, EventsFailed)
    return error.outcomes


def test_the_steps_run_in_order_in_the_same_process_and_thread() -> None:
    log = Log()

    assert run_batch(log.app(), "1", "2") is None
    assert log.seen == [("first", ["1", "2"]), ("second", ["1", "2"]), ("third", ["1", "2"])]
    assert log.places == {(os.getpid(), threading.get_ident())}


def test_all_steps_receive_the_same_batch_items() -> None:
    seen: list[BatchItem] = []

    def collect(batch: list[BatchItem]) -> None:
        seen.extend(batch)

    run_batch(fifo_app(first=collect, second=collect, third=collect), "1")
    assert len(seen) == 3
    assert seen[0] is seen[1] is seen[2]
    assert (seen[0].event.message_id, seen[0].event.body) == ("1", "a secret")


def test_a_chain_publishes_nothing() -> None:
    app = Log().app()
    published: list[Any] = []
    app.amqp._send_task_message = lambda *args, **_options: published.append(args)

    run_batch(app, "1")

    assert published == []


def test_each_step_is_a_separate_task_for_celery(caplog: pytest.LogCaptureFixture) -> None:
    ids: list[tuple[str, str, str]] = []
    app = fifo_app()

    def note(batch: list[BatchItem]) -> None:
        request = app.current_task.request
        ids.append((request.id, request.parent_id, request.root_id))

    for name in CHAIN:
        app.tasks[name].run = note
    message = envelope_of(app).message([delivery("1")])
    run_as_pool_process(app, message)

    root = message["headers"]["id"]
    assert ids[0][0] == root
    assert len({one[0] for one in ids}) == 3
    assert [one[1] for one in ids] == [None, ids[0][0], ids[1][0]]
    assert {one[2] for one in ids} == {root}


@pytest.mark.parametrize("ending", CHAIN)
def test_the_error_has_one_outcome_for_each_event_whichever_step_fails(ending: str) -> None:
    log = Log()
    error = run_batch(log.app(**{ending: {"2": INVALID}}), "1", "2", "3")

    assert outcomes_of(error) == [DONE, INVALID, DONE]
    assert error.requeue is True


def test_later_steps_do_not_run_for_events_with_an_outcome() -> None:
    log = Log()
    error = run_batch(log.app(first={"1": INVALID}, second={"2": UNAVAILABLE}), "1", "2", "3")

    assert log.seen == [("first", ["1", "2", "3"]), ("second", ["2", "3"]), ("third", ["3"])]
    assert outcomes_of(error) == [INVALID, UNAVAILABLE, DONE]


def test_later_steps_do_not_run_when_every_event_has_an_outcome() -> None:
    log = Log()
    error = run_batch(log.app(first={"1": INVALID, "2": UNAVAILABLE}), "1", "2")

    assert [name for name, _ in log.seen] == ["first"]
    assert outcomes_of(error) == [INVALID, UNAVAILABLE]


@pytest.mark.parametrize("place", range(3))
def test_a_bug_in_a_step_is_the_outcome_of_all_pending_events(place: int) -> None:
    log = Log()
    steps: dict[str, Any] = {name: log.step(name) for name in CHAIN}
    steps["first"] = log.step("first", {"1": INVALID}) if place else steps["first"]
    steps[CHAIN[place]] = fails(ValueError("a secret"))
    outcomes = outcomes_of(run_batch(fifo_app(**steps), "1", "2", "3"))

    assert [name for name, _ in log.seen] == list(CHAIN[:place])
    assert outcomes[0] == INVALID if place else outcomes[0].result is Result.BUG
    assert [one.result for one in outcomes[1:]] == [Result.BUG, Result.BUG]


def test_a_task_can_override_the_outcome_of_its_errors() -> None:
    app = fifo_app(second=fails(OSError()), outcome_of=lambda _error: UNAVAILABLE)

    assert outcomes_of(run_batch(app, "1", "2")) == [UNAVAILABLE, UNAVAILABLE]


@pytest.mark.parametrize("place", range(3))
def test_neither_logs_nor_outcomes_quote_an_error_or_a_message(
    place: int, caplog: pytest.LogCaptureFixture
) -> None:
    steps: dict[str, Any] = {CHAIN[place]: fails(ValueError("a secret"))}
    app = fifo_app(**steps)
    with caplog.at_level(logging.DEBUG):
        error = run_batch(app, "1")

    assert "secret" not in str(outcomes_of(error))
    assert "secret" not in caplog.text
    assert "secret" not in str([record.__dict__ for record in caplog.records])


def test_the_logs_of_a_successful_chain_quote_no_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        run_batch(Log().app(), "1")

    assert "secret" not in str([record.__dict__ for record in caplog.records])


def test_an_error_in_process_each_is_one_of_the_outcomes_of_the_batch() -> None:
    def handle(item: BatchItem) -> None:
        if item.event.message_id == "2":
            raise ConnectionError

    def step(batch: list[BatchItem]) -> None:
        process_each(batch, handle, outcome_of=lambda _error: UNAVAILABLE)

    error = run_batch(fifo_app(second=step), "1", "2", "3", group="one")
    assert outcomes_of(error) == [DONE, UNAVAILABLE, WAITING]


def test_an_exception_that_ends_the_process_is_not_caught() -> None:
    def leaves(_batch: list[BatchItem]) -> None:
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        run_batch(fifo_app(second=leaves), "1")


def test_a_pool_process_continues_after_a_failed_delivery() -> None:
    log = Log()
    app = log.app(first={"1": INVALID})
    run_batch(app, "1")

    assert run_batch(app, "2") is None
    assert app.current_task is None
    assert app.tasks["first"].request.called_directly is True


def test_a_step_can_be_called_directly() -> None:
    app = Log().app(first={"1": INVALID})
    event = {"message_id": "1", "group_id": "g", "place": str(Place(1, 1, "g")), "body": ""}

    with pytest.raises(EventsFailed) as failed:
        app.tasks["first"]([event])
    assert failed.value.outcomes == [INVALID]


@pytest.mark.parametrize("raising", [None, ValueError("a secret")])
def test_a_pointer_reports_an_error_as_the_outcome_of_its_delivery(
    raising: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    def run_pointer(*_arguments: Any) -> None:
        if raising:
            raise raising

    app = fifo_app(run_pointer=run_pointer)
    traced = trace_task(app.tasks["tick"], "id", (), {}, {"id": "id", "delivery_info": {}}, app=app)

    if raising is None:
        assert traced.info is None
    else:
        (outcome,) = traced.info.retval.outcomes
        assert (outcome.result, "secret" in outcome.error) == (Result.BUG, False)
        assert "secret" not in str([record.__dict__ for record in caplog.records])


def point_at(app: Celery, arguments: tuple[str, ...] = ()) -> Any:
    """Run the pointer `tick` in a delivery, and return its error, if any."""
    request = {"id": "pointer", "root_id": "pointer", "delivery_info": {}, "retries": 2}
    traced = trace_task(app.tasks["tick"], "pointer", arguments, {}, request, app=app)
    return traced.info and traced.info.retval


def test_a_task_can_run_another_task_in_its_delivery() -> None:
    requests: list[tuple[Any, ...]] = []
    app = fifo_app()

    def inner(text: str) -> str:
        request = app.tasks["point"].request
        requests.append((text, request.parent_id, request.root_id, request.retries, os.getpid()))
        return "its result"

    results: list[Any] = []
    app.tasks["point"].run = inner
    app.tasks["tick"].run = lambda: results.append(app.tasks["point"].run_in_this_delivery("x"))

    assert point_at(app) is None
    assert results == ["its result"]
    assert requests == [("x", "pointer", "pointer", 2, os.getpid())]


def test_a_task_in_the_delivery_of_a_pointer_determines_its_own_outcome() -> None:
    """A pointer must wait for an unavailable dependency, as events do, and not be quarantined."""
    app = fifo_app()

    def inner() -> None:
        raise ConnectionError

    app.tasks["point"].run = inner
    app.tasks["point"].outcome_of = lambda _error: UNAVAILABLE
    app.tasks["tick"].run = app.tasks["point"].run_in_this_delivery

    assert outcomes_of(point_at(app)) == [UNAVAILABLE]


def test_a_task_in_the_delivery_of_an_event_determines_its_own_outcome() -> None:
    app = fifo_app()

    def inner(name: str) -> None:
        if name == "2":
            raise ConnectionError

    def step(batch: list[BatchItem]) -> None:
        def handle(item: BatchItem) -> None:
            app.tasks["point"].run_in_this_delivery(item.event.message_id)

        process_each(batch, handle, outcome_of=lambda _error: INVALID)

    app.tasks["point"].run = inner
    app.tasks["point"].outcome_of = lambda _error: UNAVAILABLE
    app.tasks["second"].run = step

    assert outcomes_of(run_batch(app, "1", "2", "3")) == [DONE, UNAVAILABLE, DONE]


def test_a_pointer_that_is_called_directly_raises_its_own_error() -> None:
    def run_pointer() -> None:
        raise ValueError("for the caller")

    with pytest.raises(ValueError, match="for the caller"):
        fifo_app(run_pointer=run_pointer).tasks["tick"]()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_outcomes_survive_pickling(protocol: int) -> None:
    failed = EventsFailed([DONE, Outcome(Result.BUG, "bug", "somewhere"), WAITING])
    arrived = pickle.loads(pickle.dumps(failed, protocol))  # noqa: S301

    assert isinstance(arrived, EventsFailed)
    assert arrived.outcomes == failed.outcomes
    assert arrived.outcomes[0].result is Result.DONE
    assert arrived.requeue is True


def test_the_result_of_a_failed_delivery_survives_pickling() -> None:
    app = Log().app(first={"1": INVALID})
    message = envelope_of(app).message([delivery("1"), delivery("2", group="other")])
    failed, report, _runtime = pickle.loads(pickle.dumps(run_as_pool_process(app, message)))  # noqa: S301

    error = report.exception
    assert failed == 1
    assert outcomes_of(getattr(error, "exc", error)) == [INVALID, DONE]


def test_a_fifo_task_is_never_acknowledged_unless_it_succeeded() -> None:
    task: FifoTask = fifo_app().tasks["first"]

    assert task.acks_late is True
    assert (task.acks_on_failure, task.acks_on_timeout) == (False, False)
    assert task.reject_on_worker_lost is True
    assert task.ignore_result is True
