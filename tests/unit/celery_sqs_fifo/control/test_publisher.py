"""The publisher never waits for the broker, and counts the events that it drops."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery.events.event import get_exchange
from kombu.connection import Connection
from kombu.entity import Queue

from celery_sqs_fifo import address_of
from celery_sqs_fifo.control import publisher as module
from celery_sqs_fifo.control.connection import Outage
from celery_sqs_fifo.control.publisher import Publisher, Reply

EXCHANGE = "events"


def event(kind: str = "task-started", **fields: Any) -> dict[str, Any]:
    return {"type": kind, "hostname": "worker@host", **fields}


def make(connect: Callable[[], Any]) -> Publisher:
    outage = Outage(url="redis://:secret@broker.example:6379/0", purpose="events")
    return Publisher(connect=connect, outage=outage, event_exchange=EXCHANGE)


def refuse() -> Any:
    raise ConnectionRefusedError


@pytest.fixture
def memory() -> Iterator[Connection]:
    """Return a connection to a broker in this process."""
    with Connection(f"memory://{time.monotonic_ns()}") as connection:
        yield connection


class Frozen:
    """A connection that does not open until it is released."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def __enter__(self) -> Any:
        self.let_go.wait()
        raise ConnectionResetError

    def __exit__(self, *_error: object) -> None:
        """Do nothing, because nothing is open."""


def test_a_full_queue_drops_its_oldest_events_without_blocking() -> None:
    frozen = Frozen()
    publisher = make(lambda: frozen)
    for number in range(module.MAX_QUEUED_EVENTS + 7):
        publisher.put(event(number=number))

    assert publisher.dropped == 7
    assert [one["number"] for one in publisher._take()[:2]] == [7, 8]
    frozen.let_go.set()


def test_events_that_are_too_old_are_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen = Frozen()
    publisher = make(lambda: frozen)
    publisher.put(event(number=0))
    monkeypatch.setattr(module, "MAX_EVENT_AGE", -1.0)

    assert publisher._take() == []
    assert publisher.dropped == 1
    frozen.let_go.set()


def test_task_events_are_sent_together_and_worker_events_singly(memory: Connection) -> None:
    received: list[Any] = []
    queue = Queue("q", exchange=get_exchange(memory, name=EXCHANGE), routing_key="#")
    with memory.Consumer(queue, callbacks=[lambda body, message: received.append(body)]):
        publisher = make(memory.clone)
        for one in ("task-received", "task-started", "worker-heartbeat", "task-succeeded"):
            publisher.put(event(one))
        deadline = time.monotonic() + 10
        while len(received) < 3 and time.monotonic() < deadline:
            try:
                memory.drain_events(timeout=0.1)
            except TimeoutError:
                continue

    kinds = [
        [one["type"] for one in body] if isinstance(body, list) else body["type"]
        for body in received
    ]
    assert kinds == [["task-received", "task-started"], "worker-heartbeat", ["task-succeeded"]]


def test_events_behind_a_reply_that_fails_are_sent_after_it(
    memory: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise ConnectionResetError

    sent: list[Any] = []
    recovered = threading.Event()
    monkeypatch.setattr(Outage, "end", lambda _outage: recovered.set())
    monkeypatch.setattr(module, "_publish_reply", fail)
    monkeypatch.setattr(
        module, "_publish_events", lambda _producer, _exchange, batch: sent.extend(batch)
    )
    publisher = make(memory.clone)
    publisher.reply(Reply(body={}, exchange="e", routing_key="r", headers={}))
    publisher.put(event())

    assert publisher._idle.wait(10)
    assert recovered.wait(10)
    assert sent == [event()]


def test_an_outage_is_logged_once_and_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage(url="redis://user:secret@broker.example/0", purpose="events")
    caplog.set_level("INFO")
    for _ in range(3):
        outage.begin(ConnectionRefusedError("redis://user:secret@broker.example"))
    outage.end()
    outage.end()

    assert [record.message for record in caplog.records] == [
        "control_broker_unavailable",
        "control_broker_recovered",
    ]
    assert "secret" not in repr([vars(record) for record in caplog.records])
    assert vars(caplog.records[0])["broker"] == "redis://broker.example:6379"


def test_a_broker_that_is_down_neither_ends_the_thread_nor_blocks_a_flush() -> None:
    publisher = make(refuse)
    publisher.put(event())
    thread = publisher._thread
    assert thread
    publisher.flush(timeout=0.2)
    publisher.reply(Reply(body={}, exchange="e", routing_key="r", headers={}))

    assert thread.is_alive()
    assert thread.daemon


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://:secret@host/3", "redis://host:6379"),
        ("rediss://user:secret@[::1]:7000/0", "rediss://[::1]:7000"),
    ],
)
def test_an_address_has_no_secrets(url: str, address: str) -> None:
    assert address_of(url) == address
