"""A request in the main process passes outcomes to the channel, and acknowledges no failure."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from billiard.einfo import ExceptionInfo
from celery import Celery
from celery.exceptions import TaskRevokedError, Terminated, TimeLimitExceeded, WorkerLostError
from celery.utils.imports import symbol_by_name
from celery.worker import state
from celery.worker.request import create_request_cls

from celery_sqs_fifo import DONE, EventsFailed, Outcome, Result
from celery_sqs_fifo.running.request import FifoRequest
from celery_sqs_fifo.transport import Message
from tests.support.chain_app import envelope_of, fifo_app
from tests.support.fake_calls import delivery

BUG = Outcome(Result.BUG, "bug", "somewhere")
TAG = "handle-1"
Call = tuple[Any, ...]


class Channel:
    """A channel that records its calls, in order."""

    no_ack_consumers = None

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def decode_body(self, body: str, encoding: str | None) -> str:
        """Return the body unchanged."""
        return body

    def note_outcomes(self, delivery_tag: str, outcomes: Any) -> None:
        """See celery_sqs_fifo.transport."""
        self.calls.append(("note", delivery_tag, outcomes))

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """See kombu's channels."""
        self.calls.append(("ack", delivery_tag))

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """See kombu's channels."""
        self.calls.append(("reject", delivery_tag))


class Pool:
    """A pool that records its calls."""

    def __init__(self) -> None:
        self.given: list[dict[str, Any]] = []
        self.terminated: list[int] = []

    def apply_async(self, _trace: Any, **options: Any) -> None:
        """See celery.concurrency.base.BasePool."""
        self.given.append(options)

    def terminate_job(self, pid: int, _signal: Any) -> None:
        """See celery.concurrency.base.BasePool."""
        self.terminated.append(pid)


class Main:
    """Simulates the worker's main process with one request for one event."""

    def __init__(self, app: Celery) -> None:
        self.channel = Channel()
        self.pool = Pool()
        task = app.tasks["first"]
        base = symbol_by_name(task.Request)
        request_class = create_request_cls(base, task, self.pool, "host", None, app=app)
        message = Message(envelope_of(app).message([delivery("1")]), channel=self.channel)
        self.request = request_class(
            message,
            on_ack=message.ack_log_error,
            on_reject=message.reject_log_error,
            app=app,
            hostname="host",
            task=task,
            connection_errors=(OSError,),
        )

    @property
    def calls(self) -> list[Call]:
        return self.channel.calls


@pytest.fixture(scope="module")
def app() -> Celery:
    return fifo_app()


@pytest.fixture
def main(app: Celery) -> Iterator[Main]:
    main = Main(app)
    yield main
    for requests in (state.reserved_requests, state.active_requests):
        requests.discard(main.request)
    state.requests.clear()
    state.revoked.discard(main.request.id)


def raised(error: BaseException) -> ExceptionInfo:
    try:
        raise error
    except BaseException:
        return ExceptionInfo()


def test_the_tasks_use_this_request(main: Main) -> None:
    assert isinstance(main.request, FifoRequest)


def test_the_main_process_never_decodes_the_body_of_a_message(main: Main) -> None:
    assert (main.request.args, main.request.kwargs) == ((), {})
    main.request.execute_using_pool(main.pool)
    (given,) = main.pool.given

    assert given["args"][3] == main.request.message.body
    assert b'"message_id": "1"' in given["args"][3]


def test_a_successful_task_is_acknowledged(main: Main) -> None:
    main.request.on_success((False, None, 0.1))

    assert main.calls == [("ack", TAG)]


def test_the_outcomes_of_failed_events_reach_the_channel_before_the_reject(main: Main) -> None:
    main.request.on_success((True, raised(EventsFailed([DONE, BUG])), 0.1))

    assert main.calls == [("note", TAG, [DONE, BUG]), ("reject", TAG)]


def test_outcomes_are_found_with_and_without_billiards_wrapper(main: Main) -> None:
    error = raised(EventsFailed([BUG]))
    assert type(error.exception).__name__ == "ExceptionWithTraceback"
    error.exception = error.exception.exc
    main.request.on_failure(error, return_ok=True)

    assert main.calls == [("note", TAG, [BUG]), ("reject", TAG)]


@pytest.mark.parametrize(
    "error",
    [
        WorkerLostError("signal 9 (SIGKILL)"),
        TimeLimitExceeded(660),
        ValueError("from Celery's own code"),
        SystemExit(1),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_task_that_ends_without_outcomes_is_rejected(main: Main, error: BaseException) -> None:
    main.request.on_failure(raised(error))

    assert main.calls == [("reject", TAG)]


def test_after_a_hard_time_limit_the_task_is_rejected_once(
    main: Main,
) -> None:
    main.request.on_timeout(soft=False, timeout=660)
    main.request.on_failure(raised(TimeLimitExceeded(660)))
    main.request.on_failure(raised(WorkerLostError("killed")))

    assert main.calls == [("reject", TAG)]


def test_a_soft_time_limit_alone_does_not_settle_the_message(main: Main) -> None:
    main.request.on_timeout(soft=True, timeout=600)

    assert main.calls == []


def test_a_task_that_passes_a_hard_time_limit_during_a_cold_shutdown_is_rejected(
    main: Main, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "should_terminate", True)
    main.request.on_timeout(soft=False, timeout=660)

    assert main.calls == [("reject", TAG)]


def expire(main: Main) -> None:
    main.request.expires = datetime(2020, 1, 1, tzinfo=UTC)


def revoke(main: Main) -> None:
    state.revoked.add(main.request.id)


@pytest.mark.parametrize("end", [expire, revoke])
def test_a_revoked_or_expired_task_is_never_acknowledged(
    main: Main, end: Callable[[Main], None]
) -> None:
    end(main)
    with pytest.raises(TaskRevokedError):
        main.request.execute_using_pool(main.pool)

    assert [call[0] for call in main.calls] == ["note", "reject"]
    assert main.calls[0][2].result is not Result.DONE
    assert main.pool.given == []


def test_a_task_that_is_revoked_while_it_runs_is_never_acknowledged(main: Main) -> None:
    main.request.time_start, main.request.worker_pid = 1.0, 12345
    main.request.terminate(main.pool, signal="TERM")
    main.request.on_failure(raised(Terminated(15)))
    main.request.on_failure(raised(WorkerLostError("signal 15")))

    assert main.pool.terminated == [12345]
    assert [call[0] for call in main.calls] == ["note", "reject"]


def test_a_message_is_settled_once(main: Main) -> None:
    main.request.on_success((False, None, 0.1))
    main.request.on_success((True, raised(EventsFailed([BUG])), 0.1))
    main.request.on_failure(raised(WorkerLostError("late")))

    assert [call[0] for call in main.calls if call[0] != "note"] == ["ack"]


def test_the_message_of_a_probe_is_not_decoded(app: Celery) -> None:
    _tag, message = envelope_of(app).probe("tick")
    channel = SimpleNamespace(decode_body=lambda body, _encoding: body, no_ack_consumers=None)

    assert Message(message, channel=channel).payload == ((), {}, {})
