"""A worker accepts a few remote-control commands with valid arguments, and refuses all others."""

from types import SimpleNamespace
from typing import Any

import pytest
from celery.bin.control import _compile_arguments
from celery.signals import worker_shutting_down
from celery.worker import state as worker_state
from celery.worker.control import Panel

from celery_sqs_fifo.control.commands import MAX_POOL_SIZE, Commands
from celery_sqs_fifo.control.remote import CommandNode, ControlMailbox

ACCEPTED = {
    *("ping", "active", "reserved", "scheduled", "revoked", "registered", "stats", "query_task"),
    *("active_queues", "clock", "heartbeat", "enable_events", "revoke", "terminate", "pool_grow"),
    *("pool_shrink", "shutdown", "add_consumer", "cancel_consumer", "causes", "release_cause"),
    "held",
}


class Pool:
    """A pool whose processes are all busy."""

    num_processes = 2

    def grow(self, count: int) -> None:
        """See celery.concurrency.prefork."""
        self.num_processes += count

    def shrink(self, count: int) -> None:
        """Raise ValueError, as billiard does while all processes are busy."""
        raise ValueError("Can't shrink pool. All processes busy!")


class Running:
    """A request that the pool is running."""

    def __init__(self) -> None:
        self.signals: list[str] = []

    def terminate(self, _pool: Any, signal: str) -> None:
        """See celery.worker.request."""
        self.signals.append(signal)


@pytest.fixture
def state() -> Any:
    """Return the state that Celery passes to a worker's commands."""
    consumer = SimpleNamespace(
        pool=Pool(),
        controller=SimpleNamespace(autoscaler=None),
        _update_prefetch_count=lambda by: None,
        task_consumer=SimpleNamespace(consuming_from=lambda queue: True),
    )
    conf = SimpleNamespace(broker_transport_options={"predefined_queues": {"events.fifo": {}}})
    return SimpleNamespace(consumer=consumer, app=SimpleNamespace(conf=conf), tset=set)


def run(state: Any, command: Any, **arguments: Any) -> Any:
    return Commands().run(state, command, arguments)


@pytest.mark.parametrize("command", sorted(set(Panel.data) - ACCEPTED))
def test_a_command_that_is_not_accepted_is_refused_with_the_list_of_commands(
    state: Any, command: str
) -> None:
    sentence = run(state, command)["error"]

    assert f"does not accept {command};" in sentence
    assert sentence.endswith(", ".join(sorted(ACCEPTED)) + ".")


def test_a_refused_command_is_logged_once_and_an_unknown_name_is_not_quoted(
    state: Any, caplog: pytest.LogCaptureFixture
) -> None:
    commands = Commands()
    for name in ("rate_limit", "rate_limit", "call Ana at 555", ["list"], None):
        assert "error" in commands.run(state, name, {})

    logged = [vars(record)["command"] for record in caplog.records]
    assert logged == ["rate_limit", "an unknown command"]


def test_the_pool_cannot_shrink_below_one_process_or_grow_above_the_maximum(state: Any) -> None:
    assert run(state, "pool_grow", n=3) == {"ok": "the pool will have 5 processes."}
    assert "must keep 1 to" in run(state, "pool_grow", n=MAX_POOL_SIZE)["error"]
    assert "must keep 1 to" in run(state, "pool_shrink", n=5)["error"]
    assert "all processes are busy" in run(state, "pool_shrink", n=1)["error"]
    assert state.consumer.pool.num_processes == 5


@pytest.mark.parametrize("n", [0, -1, MAX_POOL_SIZE + 1, "2", None])
def test_the_number_of_processes_must_be_an_integer_in_range(state: Any, n: Any) -> None:
    assert "the number of processes" in run(state, "pool_grow", n=n)["error"]


@pytest.mark.parametrize("ids", [None, [], 7, [7], "x" * 65, ["a"] * 1_001])
def test_revoke_takes_ids_only(state: Any, ids: Any) -> None:
    assert run(state, "revoke", task_id=ids) == {"error": "give 1 to 1000 task ids."}


def test_a_signal_without_a_task_id_is_refused(state: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_state, "revoked", set())

    # Celery takes the last argument for a task id if there are no others.
    arguments = _compile_arguments("terminate", ["KILL"])

    assert run(state, "terminate", **arguments) == {
        "error": "KILL is a signal, not a task id: give task ids after it."
    }
    assert worker_state.revoked == set()


def test_a_running_task_is_ended_only_by_terminate(
    state: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = Running()
    monkeypatch.setattr(worker_state, "requests", {"here": running})
    monkeypatch.setattr(worker_state, "revoked", set())

    assert run(state, "revoke", task_id="here") == {"ok": "1 revoked, 1 of them here."}
    assert running.signals == []
    assert "must be one of" in run(state, "terminate", task_id="here", signal="SIGSTOP")["error"]
    assert "ok" in run(state, "terminate", task_id=["here", "elsewhere"], signal="KILL")
    assert running.signals == ["KILL"]
    assert worker_state.revoked == {"here", "elsewhere"}


def test_shutdown_is_left_to_the_event_loop_so_that_the_reply_is_sent(
    state: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_state, "should_stop", None)
    state.hostname = "worker@host"
    senders = []

    def note(sender: str, **_signal: Any) -> None:
        senders.append(sender)

    worker_shutting_down.connect(note)

    assert "ok" in run(state, "shutdown")
    assert worker_state.should_stop == 0
    # The command sends the signal that Celery's handler of SIGTERM sends. This signal starts the
    # time limit of the shutdown.
    assert senders == ["worker@host"]
    worker_shutting_down.disconnect(note)


@pytest.mark.parametrize("command", ["add_consumer", "cancel_consumer"])
def test_an_unknown_queue_is_refused_with_the_list_of_known_queues(
    state: Any, command: str
) -> None:
    sentence = run(state, command, queue="celery")["error"]

    assert sentence == "unknown queue; the known queues are: events.fifo."


class Channel:
    """A channel with one cause and one held event. It records which causes are released."""

    def __init__(self) -> None:
        self.released: list[str] = []

    def causes(self) -> dict[str, list[str]]:
        """See celery_sqs_fifo.transport.Channel."""
        return {"events.fifo": ["a cause"]}

    def held_events(self) -> dict[str, dict[str, int]]:
        """See celery_sqs_fifo.transport.Channel."""
        return {"events.fifo": {"total": 1}}

    def release_cause(self, cause: str) -> int:
        """See celery_sqs_fifo.transport.Channel."""
        self.released.append(cause)
        return 7


def test_causes_are_shown_and_one_is_released(state: Any) -> None:
    channel = state.consumer.task_consumer.channel = Channel()

    assert run(state, "causes") == {"events.fifo": ["a cause"]}
    answer = run(state, "release_cause", cause="a.py:1 f > KeyError")
    assert answer == {"ok": "7 events of this cause become visible; its hourly quota is reset."}
    assert channel.released == ["a.py:1 f > KeyError"]


def test_held_events_are_shown(state: Any) -> None:
    state.consumer.task_consumer.channel = Channel()

    assert run(state, "held") == {"events.fifo": {"total": 1}}


@pytest.mark.parametrize("cause", [None, "", 7, "x" * 1_001])
def test_a_cause_to_release_must_be_a_string(state: Any, cause: Any) -> None:
    assert "give a cause" in run(state, "release_cause", cause=cause)["error"]


def test_an_error_in_a_command_is_reported_without_its_text(
    state: Any, caplog: pytest.LogCaptureFixture
) -> None:
    state.tset = None

    assert run(state, "active") == {"error": "active failed (TypeError); see the worker's log."}
    assert vars(caplog.records[0])["error"] == "TypeError"


@pytest.mark.parametrize(
    ("body", "is_for_me"),
    [
        ({"method": "ping"}, True),
        ({"method": "ping", "destination": ["me"]}, True),
        ({"method": "ping", "destination": ["another"]}, False),
        ({"method": "ping", "pattern": "(a+)+$", "matcher": "pcre"}, False),
    ],
)
def test_a_worker_runs_only_commands_for_all_workers_or_for_itself(
    body: dict[str, Any], is_for_me: bool
) -> None:
    done: list[str] = []
    commands = SimpleNamespace(run=lambda _state, method, _arguments: done.append(method))
    node = CommandNode("me", SimpleNamespace(commands=commands), mailbox=ControlMailbox("test"))
    node.handle_message(body)

    assert done == (["ping"] if is_for_me else [])
