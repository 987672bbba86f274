"""Workers obey a few commands with arguments of their form, and nothing else."""

from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker import state as worker_state
from celery.worker.control import Panel

from celery_sqs_fifo.control.commands import MAX_POOL_SIZE, Commands
from celery_sqs_fifo.control.remote import CommandNode, ControlMailbox

OBEYED = {
    *("ping", "active", "reserved", "scheduled", "revoked", "registered", "stats", "query_task"),
    *("active_queues", "clock", "heartbeat", "enable_events", "revoke", "terminate", "pool_grow"),
    *("pool_shrink", "shutdown", "add_consumer", "cancel_consumer"),
}


class Pool:
    """Counts its processes."""

    num_processes = 2

    def grow(self, count: int) -> None:
        """See celery.concurrency.prefork."""
        self.num_processes += count

    def shrink(self, count: int) -> None:
        """Refuses as billiard does where all are at work."""
        raise ValueError("Can't shrink pool. All processes busy!")


class Running:
    """A request with the pool."""

    def __init__(self) -> None:
        self.signals: list[str] = []

    def terminate(self, _pool: Any, signal: str) -> None:
        """See celery.worker.request."""
        self.signals.append(signal)


@pytest.fixture
def state() -> Any:
    """What a worker's commands are run on."""
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


@pytest.mark.parametrize("command", sorted(set(Panel.data) - OBEYED))
def test_a_command_that_is_not_on_the_list_is_refused_with_the_list(
    state: Any, command: str
) -> None:
    sentence = run(state, command)["error"]

    assert f"does not accept {command};" in sentence
    assert sentence.endswith(", ".join(sorted(OBEYED)) + ".")


def test_a_refused_command_is_told_once_and_an_unknown_name_never(
    state: Any, caplog: pytest.LogCaptureFixture
) -> None:
    commands = Commands()
    for name in ("rate_limit", "rate_limit", "call Ana at 555", ["list"], None):
        assert "error" in commands.run(state, name, {})

    told = [vars(record)["command"] for record in caplog.records]
    assert told == ["rate_limit", "an unknown command"]


def test_the_pool_keeps_one_process_and_does_not_grow_without_end(state: Any) -> None:
    assert run(state, "pool_grow", n=3) == {"ok": "the pool will have 5 processes."}
    assert "must keep 1 to" in run(state, "pool_grow", n=MAX_POOL_SIZE)["error"]
    assert "must keep 1 to" in run(state, "pool_shrink", n=5)["error"]
    assert "all processes are busy" in run(state, "pool_shrink", n=1)["error"]
    assert state.consumer.pool.num_processes == 5


@pytest.mark.parametrize("n", [0, -1, MAX_POOL_SIZE + 1, "2", None])
def test_the_number_of_processes_must_be_a_number(state: Any, n: Any) -> None:
    assert "the number of processes" in run(state, "pool_grow", n=n)["error"]


@pytest.mark.parametrize("ids", [None, [], 7, [7], "x" * 65, ["a"] * 1_001])
def test_revoke_takes_ids_only(state: Any, ids: Any) -> None:
    assert run(state, "revoke", task_id=ids) == {"error": "name 1 to 1000 task ids."}


def test_a_running_task_ends_only_where_that_is_asked_for(
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


def test_shutdown_is_left_to_the_event_loop_so_that_it_is_answered(
    state: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_state, "should_stop", None)

    assert "ok" in run(state, "shutdown")
    assert worker_state.should_stop == 0


@pytest.mark.parametrize("command", ["add_consumer", "cancel_consumer"])
def test_a_queue_that_nobody_knows_is_refused_with_those_that_are_known(
    state: Any, command: str
) -> None:
    sentence = run(state, command, queue="celery")["error"]

    assert sentence == "unknown queue; the known queues are: events.fifo."


def test_an_error_in_a_command_is_told_without_its_text(
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
def test_a_worker_does_what_is_for_all_or_names_it(body: dict[str, Any], is_for_me: bool) -> None:
    done: list[str] = []
    commands = SimpleNamespace(run=lambda _state, method, _arguments: done.append(method))
    node = CommandNode("me", SimpleNamespace(commands=commands), mailbox=ControlMailbox("test"))
    node.handle_message(body)

    assert done == (["ping"] if is_for_me else [])
