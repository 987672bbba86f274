"""Operators can watch and control workers through the control broker, and no event is lost."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid5

import pytest
import valkey
from celery.events.state import State

from celery_sqs_fifo import ControlledCelery
from celery_sqs_fifo.running.envelope import TASK_ID_NAMESPACE
from embedded.processes import ManagedProcess
from embedded.servers import Server
from tests.e2e.conftest import any_batch_size
from tests.support.running_fifo_app import FifoApp

pytestmark = any_batch_size
SECRET = "what a contact wrote"
REPLY_BINDINGS = "_kombu.binding.reply.celery.pidbox"


@pytest.fixture
def broker(fifo_app: FifoApp) -> Server:
    """A control broker that the test may freeze and kill."""
    return fifo_app.start_control_broker()


@pytest.fixture
def watcher(broker: Server) -> Iterator[ControlledCelery]:
    """The app of another program, which watches the worker."""
    app = ControlledCelery("watcher", set_as_current=False)
    app.conf.update(control_broker_url=broker.url, accept_content=["json"])
    yield app
    app.close()


def ask(app: ControlledCelery, command: str, **arguments: Any) -> Any:
    """Send a command to the only worker, and return its answer."""
    replies = app.control.broadcast(command, arguments=arguments, reply=True, timeout=20, limit=1)
    assert replies, f"no answer to {command}"
    ((_node, answer),) = replies[0].items()
    return answer


def send(fifo_app: FifoApp, *, group: str, **trouble: Any) -> str:
    """Send an event. Return the id of its task."""
    event = {"event_type": "plain", "group": group, "number": 0, "text": SECRET}
    body = json.dumps(event | ({"trouble": trouble} if trouble else {}))
    message_id = fifo_app.send_body(body, group=group)
    return str(uuid5(TASK_ID_NAMESPACE, f"{message_id}:0"))


def begun(fifo_app: FifoApp) -> set[tuple[str, str]]:
    """Return the groups and steps that have begun."""
    return {(line.group, line.step) for line in fifo_app.journal() if line.verb == "began"}


def test_a_worker_is_seen_resized_paused_and_shut_down(
    fifo_app: FifoApp, broker: Server, watcher: ControlledCelery
) -> None:
    with valkey.Valkey.from_url(broker.url) as client:
        client.sadd(REPLY_BINDINGS, *range(2_000))
    worker = fifo_app.start_worker()

    status, output = fifo_app.celery("status", "--timeout", "5")
    assert (status, "1 node online" in output) == (0, True), output
    assert ask(watcher, "stats")["control"]["dropped_events"] == 0
    assert "does not accept conf" in ask(watcher, "conf")["error"]
    assert ask(watcher, "pool_grow", n=2) == {"ok": "the pool will have 4 processes."}
    fifo_app.wait_until(lambda: len(ask(watcher, "stats")["pool"]["processes"]) == 4)
    assert "ok" in ask(watcher, "pool_shrink", n=2)

    status, output = fifo_app.celery("control", "add_consumer", "no-such.fifo")
    assert (status, "unknown queue" in output) == (1, True), output
    assert "ok" in ask(watcher, "cancel_consumer", queue="events.fifo")
    assert ask(watcher, "active_queues") == []
    fifo_app.send(group="paused", number=0)
    # Longer than the long poll that was open when the worker was asked to stop.
    fifo_app.wait_until(lambda: receives_no_more(fifo_app))
    assert fifo_app.waiting_on_queue() == 1
    assert "ok" in ask(watcher, "add_consumer", queue="events.fifo")
    fifo_app.wait_until_empty()
    assert fifo_app.done() == {"paused": [0]}

    assert "ok" in ask(watcher, "shutdown")
    fifo_app.wait_until_ended(worker)
    assert worker.exit_status == 0
    with valkey.Valkey.from_url(broker.url) as client:
        assert client.scard(REPLY_BINDINGS) < 10
        assert [key for key in client.keys("*") if client.type(key) == b"list"] == []


def receives_no_more(fifo_app: FifoApp) -> bool:
    """Return whether SQS got no receive within two seconds. A long poll lasts for one second."""
    before = fifo_app.actions().count("ReceiveMessage")
    signal.sigtimedwait([], 2.2)
    return fifo_app.actions().count("ReceiveMessage") == before


def test_revoked_events_are_quarantined_and_the_steps_show_how_they_ended(
    fifo_app: FifoApp, watcher: ControlledCelery
) -> None:
    with watching(watcher) as state:
        fifo_app.start_worker()
        good = send(fifo_app, group="good")
        bad = send(fifo_app, group="bad", step="second", what="invalid")
        # A process that is terminated loses the events that it has not yet sent.
        fifo_app.wait_until(lambda: ("third", "SUCCESS") in chain_of(state, good))
        fifo_app.wait_until(lambda: ("second", "FAILURE") in chain_of(state, bad))
        stuck = send(fifo_app, group="stuck", step="second", what="sleep:60")
        fifo_app.wait_until(lambda: ("stuck", "second") in begun(fifo_app))
        fifo_app.wait_until(lambda: active_ids(watcher) == [stuck])
        assert SECRET not in repr(ask(watcher, "active"))
        assert "ok" in ask(watcher, "revoke", task_id=stuck, terminate=True)
        waiting = send(fifo_app, group="waiting", step="first", what="unavailable")
        fifo_app.wait_until(lambda: ("waiting", "first") in begun(fifo_app))
        assert "ok" in ask(watcher, "revoke", task_id=waiting)
        fifo_app.wait_until_empty()
        fifo_app.wait_until(lambda: ("second", "REVOKED") in chain_of(state, stuck))

    reasons = {
        json.loads(letter["Body"])["group"]: letter["MessageAttributes"]["reason"]["StringValue"]
        for letter in fifo_app.dead_letters()
    }
    assert reasons == {"bad": "invalid", "stuck": "revoked", "waiting": "revoked"}
    assert [how for _step, how in chain_of(state, good)] == ["SUCCESS"] * 3
    assert chain_of(state, bad) == [("first", "SUCCESS"), ("second", "FAILURE")]
    assert state.tasks[waiting].state in ("FAILURE", "REVOKED")
    second = next(task for task in state.tasks.values() if task.parent_id == good)
    assert (second.name, second.root_id, second.runtime is not None) == ("second", good, True)
    failed = next(task for task in state.tasks.values() if task.parent_id == bad)
    assert failed.exception == "1 invalid"
    assert SECRET not in repr([vars(task) for task in state.tasks.values()])


def active_ids(watcher: ControlledCelery) -> list[str]:
    """Return the active tasks of the only worker. A failed task is active until quarantined."""
    return [task["id"] for task in ask(watcher, "active")]


@contextmanager
def watching(app: ControlledCelery) -> Iterator[State]:
    """Record Celery's events in a State while the block runs."""
    state = State()
    receiver = app.events.Receiver(handlers={"*": state.event})
    listening = threading.Event()
    receiver.on_consume_ready = lambda *_args, **_options: listening.set()
    thread = threading.Thread(target=receiver.capture, kwargs={"wakeup": False})
    thread.start()
    assert listening.wait(10)
    try:
        yield state
    finally:
        receiver.should_stop = True
        thread.join(10)
        receiver.channel.connection.client.release()


def chain_of(state: State, root: str) -> list[tuple[str, str]]:
    """Return the names and states of a delivery's tasks."""
    tasks = [task for task in state.tasks.values() if root in (task.uuid, task.root_id)]
    return sorted((task.name, task.state) for task in tasks)


def test_events_take_effect_while_the_broker_is_frozen_killed_or_missing(
    fifo_app: FifoApp, broker: Server
) -> None:
    worker: ManagedProcess = fifo_app.start_worker()
    fifo_app.send_many(groups=10, events=5)
    os.killpg(broker.process.pid, signal.SIGSTOP)
    fifo_app.send_many(groups=10, events=5)
    fifo_app.wait_until_empty()
    broker.process.kill()
    fifo_app.send_many(groups=10, events=5)
    fifo_app.wait_until_empty()

    assert all(len(numbers) == 15 for numbers in fifo_app.done().values())
    status, output = fifo_app.celery("inspect", "ping")
    assert status != 0
    assert "the control broker redis://127.0.0.1" in output
    worker.stop()
    assert worker.exit_status == 0

    fifo_app.environment["CONTROL_URL"] = ""
    for command in (["status"], ["events", "--dump"]):
        status, output = fifo_app.celery(*command)
        assert status != 0
        assert "set CONTROL_URL" in output, output
    assert Path(fifo_app.logs, "fifo0.log").read_text().count("does not answer") <= 6
