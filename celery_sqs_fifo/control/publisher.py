"""Publish events and replies to the control broker from a background thread."""

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

Event = Mapping[str, Any]

MAX_QUEUED_EVENTS = 5_000
MAX_BATCH_SIZE = 1_000
# How long the thread waits for more events before it sends a batch, in seconds. People watch the
# events, so latency matters less than the cost for the tasks.
GATHER_FOR = 0.25
# In seconds.
MAX_EVENT_AGE = 30.0
RECONNECT = Backoff(first=0.5, longest=15.0)
# An unread reply expires after this time.
REPLY_EXPIRES_MILLISECONDS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A reply to a remote command, with the exchange and routing key that the command named."""

    body: Any
    exchange: str
    routing_key: str
    headers: Mapping[str, Any]


class Publisher:
    """Publishes the events and replies of one process. `put` never waits for the broker.

    The thread gathers events for GATHER_FOR and sends them together. When MAX_QUEUED_EVENTS wait, a
    new event replaces the oldest. Events that are older than MAX_EVENT_AGE are not sent. A batch
    that the broker did not accept is not sent again. `dropped` counts all these lost events.
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
        self._has_work = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._thread: threading.Thread | None = None

    def put(self, event: Event) -> None:
        """Queue an event. If the queue is full, drop its oldest event."""
        with self._lock:
            if len(self._events) >= MAX_QUEUED_EVENTS:
                self._events.popleft()
                self.dropped += 1
            self._events.append((monotonic(), event))
        self._wake()

    def reply(self, reply: Reply) -> None:
        """Queue a reply. If a hundred replies wait, drop the oldest."""
        self._replies.append(reply)
        self._wake()

    def flush(self, *, timeout: float) -> None:
        """Wait at most `timeout` seconds until everything is sent.

        Return at once during an outage of the broker.
        """
        if self._thread and not self._outage.is_ongoing:
            self._idle.wait(timeout)

    def _wake(self) -> None:
        if not self._has_work.is_set():
            self._idle.clear()
            self._has_work.set()
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
                # No error may end the thread: this process would send no more events.
                failures += 1
                self._outage.begin(error)
                sleep(RECONNECT.after(failures))

    def _publish_waiting(self, producer: OneTryProducer, exchange: Exchange) -> None:
        """Wait for an event or a reply, gather more for GATHER_FOR, and send them."""
        self._has_work.wait()
        sleep(GATHER_FOR)
        self._has_work.clear()
        batch: list[Event] = []
        try:
            while self._replies:
                _publish_reply(producer, self._replies.popleft())
            batch = self._take()
            _publish_events(producer, exchange, batch)
        except BaseException:
            with self._lock:
                self.dropped += len(batch)
            raise
        finally:
            if self._events or self._replies:
                self._has_work.set()
            elif not self._has_work.is_set():
                self._idle.set()

    def _take(self) -> list[Event]:
        """Remove and return the events of the next batch, and drop those that are too old."""
        oldest = monotonic() - MAX_EVENT_AGE
        batch: list[Event] = []
        with self._lock:
            while self._events and len(batch) < MAX_BATCH_SIZE:
                put_at, event = self._events.popleft()
                if put_at < oldest:
                    self.dropped += 1
                else:
                    batch.append(event)
        return batch


def _publish_events(producer: OneTryProducer, exchange: Exchange, batch: Iterable[Event]) -> None:
    """Publish task events as lists, as Celery's own buffering does, and worker events singly."""
    for is_task, events in groupby(batch, key=lambda event: event["type"].startswith("task-")):
        run = list(events)
        if is_task:
            _publish_body(producer, exchange, run, "task.multi", run[0])
        else:
            for event in run:
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
    """Publish a reply as kombu does, with an expiry.

    The reply queue of a killed program would otherwise stay on the broker for ever.
    """
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
