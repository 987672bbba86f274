"""Each step of a delivery is told of as a task of its own, by ids, names and numbers only."""

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from billiard.einfo import ExceptionInfo
from celery import Celery
from celery.events.state import State
from celery.exceptions import WorkerLostError
from celery.worker import state as worker_state
from celery.worker.request import create_request_cls

from celery_sqs_fifo import DONE, WAITING, BatchItem, EventsFailed, Outcome, Result
from celery_sqs_fifo.running.request import FifoRequest
from celery_sqs_fifo.transport import Message
from tests.support.fake_calls import delivery
from tests.unit.celery_sqs_fifo.control.test_app import CHAIN, envelope_of, fifo_app, run_in_child

SECRET = "what a contact wrote"
INVALID = Outcome(Result.INVALID, "malformed", SECRET)
UNAVAILABLE = Outcome(Result.UNAVAILABLE, "unavailable", SECRET)


class Told:
    """Keeps events in the place of a publisher and of a worker's dispatcher."""

    enabled = True

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def put(self, event: dict[str, Any]) -> None:
        """See celery_sqs_fifo.control.publisher."""
        self.events.append(event)

    def send(self, kind: str, **fields: Any) -> None:
        """See celery.events.dispatcher."""
        self.events.append({"type": kind, **fields})

    def of(self, name: str) -> list[str]:
        """What was told of the task with this name, in order."""
        (identity,) = {one["uuid"] for one in self.events if one.get("name") == name}
        return [one["type"] for one in self.events if one["uuid"] == identity]


def watched(**steps: Any) -> tuple[Celery, Told]:
    """The app with the chain of three, as with a control broker."""
    app, told = fifo_app(**steps), Told()
    app.announces_tasks, app.publisher = True, told
    return app, told


def run(app: Celery, *names: str) -> dict[str, Any]:
    message = envelope_of(app).message([delivery(n, group=n, body=SECRET) for n in names])
    run_in_child(app, message)
    return message


def ends(**outcomes: Outcome) -> Callable[[list[BatchItem]], None]:
    def step(batch: list[BatchItem]) -> None:
        for item in batch:
            item.outcome = outcomes.get(f"m{item.event.message_id}")

    return step


def test_each_step_is_told_of_with_its_parent_and_root() -> None:
    app, told = watched()
    root = run(app, "1", "2")["headers"]["id"]

    whole = ["task-received", "task-started", "task-succeeded"]
    assert [told.of(name) for name in CHAIN[1:]] == [whole, whole]
    second, third = [one for one in told.events if one["type"] == "task-received"]
    assert (second["name"], second["parent_id"], second["root_id"]) == ("second", root, root)
    assert (third["parent_id"], third["root_id"]) == (second["uuid"], root)
    # The worker tells of the first step's beginning, and its process of its end.
    assert [one["type"] for one in told.events if one["uuid"] == root] == ["task-succeeded"]
    assert all(one["hostname"] for one in told.events)


def test_a_steps_time_is_its_own() -> None:
    def takes_long(_works: list[BatchItem]) -> None:
        time.sleep(0.2)

    app, told = watched(third=takes_long)
    run(app, "1")

    first, second, third = [one["runtime"] for one in told.events if "runtime" in one]
    assert third >= 0.2
    assert first + second < third


def test_a_step_that_ends_events_has_failed_with_the_names_of_their_reasons() -> None:
    app, told = watched(second=ends(m1=INVALID, m2=UNAVAILABLE, m3=WAITING))
    run(app, "1", "2", "3", "4")

    (failed,) = [one for one in told.events if one["type"] == "task-failed"]
    assert failed["exception"] == "1 invalid (malformed), 1 unavailable, 1 waiting"
    assert told.of("second") == ["task-received", "task-started", "task-failed"]
    assert told.of("third")[-1] == "task-succeeded"


def test_a_task_that_a_step_runs_in_its_delivery_is_told_of_with_ids_only() -> None:
    identity = str(uuid4())

    def point(_works: list[BatchItem]) -> None:
        app.tasks["point"].run_in_this_delivery(identity)

    def point_at_text(_works: list[BatchItem]) -> None:
        app.tasks["close"].run_in_this_delivery(SECRET)

    app, told = watched(first=point, second=point_at_text)
    run(app, "1")

    shown = {one["name"]: one["args"] for one in told.events if "args" in one}
    assert shown["point"] == f"({identity})"
    assert shown["close"] == "(?)"
    assert told.of("point") == ["task-received", "task-started", "task-succeeded"]


def test_a_pointer_that_fails_in_a_delivery_ends_with_the_name_of_its_reason() -> None:
    def fails(*_arguments: Any) -> None:
        raise ValueError(SECRET)

    def point(_works: list[BatchItem]) -> None:
        app.tasks["point"].run_in_this_delivery(str(uuid4()))

    app, told = watched(first=point, pointed=fails)
    run(app, "1")

    assert told.of("point")[-1] == "task-failed"
    assert {one["exception"] for one in told.events if "exception" in one} == {"1 bug"}


def test_nothing_that_is_told_quotes_an_event() -> None:
    app, told = watched(second=ends(m1=INVALID))
    run(app, "1")

    assert SECRET not in repr(told.events)


def test_without_a_control_broker_nothing_is_told() -> None:
    app = fifo_app()
    run(app, "1")

    assert not hasattr(app, "publisher")


@pytest.fixture
def main() -> Iterator[tuple[FifoRequest, Told]]:
    """The request of one delivery in the worker's main process, and what it tells."""
    app, told = watched()
    task = app.tasks["first"]
    channel = SimpleNamespace(
        decode_body=lambda body, _encoding: body,
        no_ack_consumers=None,
        note_outcomes=lambda _tag, _outcomes: None,
        basic_ack=lambda _tag, multiple=False: None,
        basic_reject=lambda _tag, requeue=False: None,
    )
    message = Message(envelope_of(app).message([delivery("1", body=SECRET)]), channel=channel)
    pool = SimpleNamespace(apply_async=None)
    request = create_request_cls(FifoRequest, task, pool, "host", told, app=app)(
        message,
        on_ack=message.ack_log_error,
        on_reject=message.reject_log_error,
        app=app,
        hostname="worker@host",
        task=task,
        eventer=told,
        connection_errors=(OSError,),
    )
    yield request, told
    worker_state.requests.clear()
    worker_state.revoked.discard(request.id)


def raised(error: BaseException) -> ExceptionInfo:
    try:
        raise error
    except BaseException:
        return ExceptionInfo()


def states(told: Told) -> dict[str, str]:
    """What Celery's own record makes of what was told, by the tasks' names."""
    state = State()
    for number, one in enumerate(told.events):
        times = {"timestamp": number, "local_received": number, "clock": number}
        state.event({"hostname": "worker@host", "utcoffset": 0, **times, **one})
    return {str(task.name): str(task.state) for task in state.tasks.values()}


def test_the_end_of_a_step_is_told_by_its_process_alone(main: tuple[FifoRequest, Told]) -> None:
    request, told = main
    request.on_success((False, "[]", 0.1))
    request.on_failure(raised(EventsFailed([DONE, INVALID])), return_ok=True)

    assert [one["type"] for one in told.events] == []


@pytest.mark.parametrize("error", [WorkerLostError(SECRET), ValueError(SECRET)])
def test_a_delivery_whose_process_was_lost_has_failed_in_all_its_steps(
    main: tuple[FifoRequest, Told], error: Exception
) -> None:
    request, told = main
    request.send_event("task-received", name="first")
    request.on_failure(raised(error))

    assert states(told) == dict.fromkeys(CHAIN, "FAILURE")
    assert {one["exception"] for one in told.events if "exception" in one} == {type(error).__name__}
    assert SECRET not in repr(told.events)


def test_a_revoked_delivery_is_revoked_in_all_its_steps(main: tuple[FifoRequest, Told]) -> None:
    request, told = main
    request.send_event("task-received", name="first")
    worker_state.revoked.add(request.id)

    assert request.revoked()
    assert states(told) == dict.fromkeys(CHAIN, "REVOKED")


def test_what_is_shown_of_a_running_task_has_ids_only(main: tuple[FifoRequest, Told]) -> None:
    request, _told = main

    assert request.info()["args"] == "(1)"
    assert SECRET not in repr(request.info())
