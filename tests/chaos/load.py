"""Producers that send events at a steady rate, and retry each until SQS has accepted it."""

import queue
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice

from testbed.traffic.events import PlannedEvent, SentEvent
from testbed.traffic.sending import EventQueue, batches
from tests.chaos.service_servers import ServiceServers

PRODUCERS = 2
_RETRY_SECONDS = 0.2
_GATHER_SECONDS = 0.05


class _Producer:
    """Sends the events of its groups in order. `sent` has the events that SQS accepted."""

    def __init__(self, events: EventQueue) -> None:
        self.sent: list[SentEvent] = []
        self.waiting: queue.SimpleQueue[PlannedEvent | None] = queue.SimpleQueue()
        self.failure: Exception | None = None
        self._events = events

    def run(self) -> None:
        """Send events until None comes."""
        is_over = False
        try:
            while not is_over:
                events, is_over = self._take()
                for batch in batches(events):
                    self.sent += self._events.send(batch)
        except Exception as error:
            self.failure = error

    def _take(self) -> tuple[list[PlannedEvent], bool]:
        """Wait for events. Return those of a short interval, and whether they are the last ones."""
        events: list[PlannedEvent] = []
        event = self.waiting.get()
        time.sleep(_GATHER_SECONDS)
        while event is not None:
            events.append(event)
            try:
                event = self.waiting.get_nowait()
            except queue.Empty:
                return events, False
        return events, True


class Load:
    """Sends the first `max_events` events, each `at` seconds after `begun_at` (monotonic clock)."""

    def __init__(
        self,
        *,
        servers: ServiceServers,
        events: Iterable[PlannedEvent],
        begun_at: float,
        max_events: int,
    ) -> None:
        self._producers = [
            _Producer(
                EventQueue(sqs=servers.sqs(), url=servers.queue_url, retry_seconds=_RETRY_SECONDS)
            )
            for _ in range(PRODUCERS)
        ]
        self._events = events
        self._begun_at = begun_at
        self._max_events = max_events
        self._stop = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send events while the block runs. At its end, wait until all due events are sent."""
        threads = [threading.Thread(target=producer.run) for producer in self._producers]
        pacer = threading.Thread(target=self._pace)
        for thread in (*threads, pacer):
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            pacer.join()
            for producer, thread in zip(self._producers, threads, strict=True):
                producer.waiting.put(None)
                thread.join()
        for producer in self._producers:
            if producer.failure:
                raise producer.failure

    @property
    def sent(self) -> list[SentEvent]:
        """The events that SQS has accepted, in the order of their numbers."""
        events = [sent for producer in self._producers for sent in producer.sent]
        return sorted(events, key=lambda sent: sent.event.number)

    def _pace(self) -> None:
        for event in islice(self._events, self._max_events):
            wait = self._begun_at + event.at - time.monotonic()
            if wait > 0 and self._stop.wait(wait):
                return
            self._producers[zlib.crc32(event.group_id.encode()) % PRODUCERS].waiting.put(event)
