"""Each step sends task events, which contain only ids, names and numbers."""

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
from tests.support.chain_app import (
    CHAIN,
    envelope_of,
    fifo_app,
    run_as_pool_process,
)
from tests.support.fake_calls import delivery

SECRET = "what a contact wrote"
INVALID = Outcome(Result.INVALID, "malformed", SECRET)
UNAVAILABLE = Outcome(Result.UNAVAILABLE, "unavailable", SECRET)


class SentEvents:
    """Records events instead of the publisher and the worker's dispatcher."""

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
        """Return the types of the events of the task with this name, in order."""
        (identity,) = {one["uuid"] for one in self.events if one.get("name") == name}
        return [one["type"] for one in self.events if one["uuid"] == identity]


def watched(**steps: Any) -> tuple[Celery, SentEvents]:
    """Return an app with a control broker, and the list of the events that it sends."""
    app, sent = fifo_app(**steps), SentEvents()
    app.announces_tasks, app.publisher = True, sent
    return app, sent


def run(app: Celery, *names: str) -> dict[str, Any]:
    message = envelope_of(app).message([delivery(n, group=n, body=SECRET) for n in names])
    run_as_pool_process(app, message)
    return message


def ends(**outcomes: Outcome) -> Callable[[list[BatchItem]], None]:
    def step(batch: list[BatchItem]) -> None:
        for item in batch:
            item.outcome = outcomes.get(f"m{item.event.message_id}")

    return step


def test_each_step_sends_events_with_its_parent_and_root() -> None:
    app, sent = watched()
    root = run(app, "1", "2")["headers"]["id"]

    whole = ["task-received", "task-started", "task-succeeded"]
    assert [sent.of(name) for name in CHAIN[1:]] == [whole, whole]
    second, third = [one for one in sent.events if one["type"] == "task-received"]
    assert (second["name"], second["parent_id"], second["root_id"]) == ("second", root, root)
    assert (third["parent_id"], third["root_id"]) == (second["uuid"], root)
    # The main process sends the start of the first step, and the pool process its end.
    assert [one["type"] for one in sent.events if one["uuid"] == root] == ["task-succeeded"]
    assert all(one["hostname"] for one in sent.events)


def test_the_runtime_of_a_step_excludes_later_steps() -> None:
    def takes_long(_batch: list[BatchItem]) -> None:
        time.sleep(0.2)

    app, sent = watched(third=takes_long)
    run(app, "1")

    first, second, third = [one["runtime"] for one in sent.events if "runtime" in one]
    assert third >= 0.2
    assert first + second < third


def test_a_step_in_which_events_fail_has_failed_with_the_names_of_their_reasons() -> None:
    app, sent = watched(second=ends(m1=INVALID, m2=UNAVAILABLE, m3=WAITING))
    run(app, "1", "2", "3", "4")

    (failed,) = [one for one in sent.events if one["type"] == "task-failed"]
    assert failed["exception"] == "1 invalid (malformed), 1 unavailable, 1 waiting"
    assert sent.of("second") == ["task-received", "task-started", "task-failed"]
    assert sent.of("third")[-1] == "task-succeeded"


def test_a_task_that_a_step_runs_in_its_delivery_sends_events_with_ids_only() -> None:
    identity = str(uuid4())

    def point(_batch: list[BatchItem]) -> None:
        app.tasks["point"].run_in_this_delivery(identity)

    def point_at_text(_batch: list[BatchItem]) -> None:
        app.tasks["close"].run_in_this_delivery(SECRET)

    app, sent = watched(first=point, second=point_at_text)
    run(app, "1")

    shown = {one["name"]: one["args"] for one in sent.events if "args" in one}
    assert shown["point"] == f"({identity})"
    assert shown["close"] == "(?)"
    assert sent.of("point") == ["task-received", "task-started", "task-succeeded"]


def test_a_pointer_that_fails_in_a_delivery_ends_with_the_name_of_its_reason() -> None:
    def fails(*_arguments: Any) -> None:
        raise ValueError(SECRET)

    def point(_batch: list[BatchItem]) -> None:
        app.tasks["point"].run_in_this_delivery(str(uuid4()))

    app, sent = watched(first=point, run_pointer=fails)
    run(app, "1")

    assert sent.of("point")[-1] == "task-failed"
    assert {one["exception"] for one in sent.events if "exception" in one} == {"1 bug"}


def test_no_task_event_quotes_an_event() -> None:
    app, sent = watched(second=ends(m1=INVALID))
    run(app, "1")

    assert SECRET not in repr(sent.events)


def test_without_a_control_broker_no_task_event_is_sent() -> None:
    app = fifo_app()
    run(app, "1")

    assert not hasattr(app, "publisher")


@pytest.fixture
def main() -> Iterator[tuple[FifoRequest, SentEvents]]:
    """Yield the request of one delivery in the main process, and the events that it sends."""
    app, sent = watched()
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
    request = create_request_cls(FifoRequest, task, pool, "host", sent, app=app)(
        message,
        on_ack=message.ack_log_error,
        on_reject=message.reject_log_error,
        app=app,
        hostname="worker@host",
        task=task,
        eventer=sent,
        connection_errors=(OSError,),
    )
    yield request, sent
    worker_state.requests.clear()
    worker_state.revoked.discard(request.id)


def raised(error: BaseException) -> ExceptionInfo:
    try:
        raise error
    except BaseException:
        return ExceptionInfo()


def states(sent: SentEvents) -> dict[str, str]:
    """Return the state of each task by name, as Celery derives it from the events."""
    state = State()
    for number, one in enumerate(sent.events):
        times = {"timestamp": number, "local_received": number, "clock": number}
        state.event({"hostname": "worker@host", "utcoffset": 0, **times, **one})
    return {str(task.name): str(task.state) for task in state.tasks.values()}


def test_only_the_pool_process_sends_the_end_of_a_step(
    main: tuple[FifoRequest, SentEvents],
) -> None:
    request, sent = main
    request.on_success((False, "[]", 0.1))
    request.on_failure(raised(EventsFailed([DONE, INVALID])), return_ok=True)

    assert [one["type"] for one in sent.events] == []


@pytest.mark.parametrize("error", [WorkerLostError(SECRET), ValueError(SECRET)])
def test_a_delivery_whose_process_was_lost_has_failed_in_all_its_steps(
    main: tuple[FifoRequest, SentEvents], error: Exception
) -> None:
    request, sent = main
    request.send_event("task-received", name="first")
    request.on_failure(raised(error))

    assert states(sent) == dict.fromkeys(CHAIN, "FAILURE")
    assert {one["exception"] for one in sent.events if "exception" in one} == {type(error).__name__}
    assert SECRET not in repr(sent.events)


def test_a_revoked_delivery_is_revoked_in_all_its_steps(
    main: tuple[FifoRequest, SentEvents],
) -> None:
    request, sent = main
    request.send_event("task-received", name="first")
    worker_state.revoked.add(request.id)

    assert request.revoked()
    assert states(sent) == dict.fromkeys(CHAIN, "REVOKED")


def test_a_running_task_shows_ids_only(main: tuple[FifoRequest, SentEvents]) -> None:
    request, _sent = main

    assert request.info()["args"] == "(1)"
    assert SECRET not in repr(request.info())
