"""Sends events and replies to the control broker, from a thread that nobody waits for."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from time import monotonic, sleep
from typing import Any

from celery.events.event import get_exchange
from kombu.connection import Connection
from kombu.entity import Exchange

from celery_sqs_fifo.backoff import Backoff
from celery_sqs_fifo.control.connection import OneTryProducer, Outage

logger = logging.getLogger(__name__)

Event = Mapping[str, Any]

MAX_WAITING = 5_000
MAX_IN_A_BATCH = 1_000
# In seconds. Whoever looks is a person; a fuller batch costs the work less.
GATHER_FOR = 0.25
TOO_OLD_AFTER = 30.0
RECONNECT = Backoff(first=0.5, longest=15.0)
# A reply that nobody reads is gone after this.
REPLY_EXPIRES_MILLISECONDS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer to a remote command, for the queue that the one who asked has named."""

    body: Any
    exchange: str
    routing_key: str
    headers: Mapping[str, Any]


class Publisher:
    """One for each process. `put` never waits for the broker: what does not fit is dropped.

    Events wait for 250 ms for others and are sent together. At most 5,000 wait; the oldest give way
    to newer ones, and those over 30 seconds old are not sent. Neither are those of a batch that the
    broker did not take. `dropped` counts them all.
    """

    def __init__(
        self, *, connect: Callable[[], Connection], outage: Outage, event_exchange: str
    ) -> None:
        self.dropped = 0
        self._connect = connect
        self._outage = outage
        self._event_exchange = event_exchange
        self._events: deque[tuple[float, Event]] = deque()
        self._replies: deque[Reply] = deque(maxlen=100)
        self._lock = threading.Lock()
        self._waiting = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._thread: threading.Thread | None = None

    def put(self, event: Event) -> None:
        """Have an event sent, or dropped."""
        with self._lock:
            if len(self._events) >= MAX_WAITING:
                self._events.popleft()
                self.dropped += 1
            self._events.append((monotonic(), event))
        self._wake()

    def reply(self, reply: Reply) -> None:
        """Have a reply sent; of more than a hundred the oldest are dropped."""
        self._replies.append(reply)
        self._wake()

    def flush(self, *, timeout: float) -> None:
        """Wait until all is sent, for so many seconds at the most, and not for a broker in need."""
        if self._thread and not self._outage.is_on:
            self._idle.wait(timeout)

    def _wake(self) -> None:
        if not self._waiting.is_set():
            self._idle.clear()
            self._waiting.set()
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._run, name="control-publisher", daemon=True
                    )
                    self._thread.start()

    def _run(self) -> None:
        failures = 0
        while True:
            try:
                with self._connect() as connection:
                    connection.connect()
                    exchange = get_exchange(connection, name=self._event_exchange)
                    producer = OneTryProducer(connection, auto_declare=False)
                    while True:
                        self._publish_waiting(producer, exchange)
                        self._outage.end()
                        failures = 0
            except Exception as error:
                # Whatever it is, it must not end the thread: this process would stay unseen.
                failures += 1
                self._outage.begin(error)
                sleep(RECONNECT.after(failures))

    def _publish_waiting(self, producer: OneTryProducer, exchange: Exchange) -> None:
        """Wait for something to send, let more of it gather, and send it."""
        self._waiting.wait()
        sleep(GATHER_FOR)
        self._waiting.clear()
        while self._replies:
            _publish_reply(producer, self._replies.popleft())
        batch = self._take()
        try:
            _publish_events(producer, exchange, batch)
        except BaseException:
            with self._lock:
                self.dropped += len(batch)
            raise
        if self._events or self._replies:
            self._waiting.set()
        elif not self._waiting.is_set():
            self._idle.set()

    def _take(self) -> list[Event]:
        """What is to be sent now, without what is too old."""
        oldest = monotonic() - TOO_OLD_AFTER
        batch: list[Event] = []
        with self._lock:
            while self._events and len(batch) < MAX_IN_A_BATCH:
                put_at, event = self._events.popleft()
                if put_at < oldest:
                    self.dropped += 1
                else:
                    batch.append(event)
        return batch


def _publish_events(producer: OneTryProducer, exchange: Exchange, batch: Iterable[Event]) -> None:
    """Task events as lists, in the form of Celery's own buffering; worker events one by one."""
    for is_task, events in groupby(batch, key=lambda event: event["type"].startswith("task-")):
        together = list(events)
        if is_task:
            _publish_body(producer, exchange, together, "task.multi", together[0])
        else:
            for event in together:
                routing_key = event["type"].replace("-", ".")
                _publish_body(producer, exchange, event, routing_key, event)


def _publish_body(
    producer: OneTryProducer, exchange: Exchange, body: Any, routing_key: str, first: Event
) -> None:
    producer.publish(
        body,
        exchange=exchange.name,
        routing_key=routing_key,
        declare=[exchange],
        serializer="json",
        headers={"hostname": first["hostname"]},
        delivery_mode="transient",
    )


def _publish_reply(producer: OneTryProducer, reply: Reply) -> None:
    """As kombu does, and with an end: the list of one who was killed would stay for ever."""
    exchange = Exchange(reply.exchange, type="direct", durable=False, delivery_mode="transient")
    producer.publish(
        reply.body,
        exchange=exchange,
        routing_key=reply.routing_key,
        declare=[exchange],
        serializer="json",
        headers=dict(reply.headers),
    )
    queue = f"{reply.routing_key}.{reply.exchange}"
    producer.channel.client.pexpire(queue, REPLY_EXPIRES_MILLISECONDS)
