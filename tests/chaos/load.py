"""Producers: events on the queue at a steady rate, each until SQS has taken it."""

import queue
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from testbed.traffic.events import PlannedEvent, SentEvent
from testbed.traffic.sending import EventQueue, take_batch
from tests.chaos.servers import Servers

PRODUCERS = 2
_RETRY_SECONDS = 0.2
_GATHER_SECONDS = 0.05


class _Producer:
    """Sends its groups' events in order; `sent` are those that SQS has confirmed."""

    def __init__(self, events: EventQueue) -> None:
        self.sent: list[SentEvent] = []
        self.waiting: queue.SimpleQueue[PlannedEvent | None] = queue.SimpleQueue()
        self.failure: Exception | None = None
        self._events = events

    def run(self) -> None:
        """Until None has come, and all before it is sent."""
        pending: deque[PlannedEvent] = deque()
        is_over = False
        try:
            while pending or not is_over:
                is_over |= self._take(pending)
                while batch := take_batch(pending):
                    self.sent += self._events.send(batch)
        except Exception as error:
            self.failure = error

    def _take(self, pending: deque[PlannedEvent]) -> bool:
        """Take what has come within a moment; return whether it was the last."""
        event = self.waiting.get()
        time.sleep(_GATHER_SECONDS)
        while event is not None:
            pending.append(event)
            try:
                event = self.waiting.get_nowait()
            except queue.Empty:
                return False
        return True


class Load:
    """`events` are sent when they are due, in seconds from `begun_at` of the monotonic clock."""

    def __init__(
        self, *, servers: Servers, events: Iterable[PlannedEvent], begun_at: float, most: int
    ) -> None:
        self._producers = [
            _Producer(
                EventQueue(sqs=servers.sqs(), url=servers.queue_url, retry_seconds=_RETRY_SECONDS)
            )
            for _ in range(PRODUCERS)
        ]
        self._events = events
        self._begun_at = begun_at
        self._most = most
        self._stop = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """They are sent while the block runs, and all that were due when it is left."""
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
        """Those that SQS has confirmed; of each group in the order in which it has them."""
        events = [sent for producer in self._producers for sent in producer.sent]
        return sorted(events, key=lambda sent: sent.event.number)

    def _pace(self) -> None:
        for event in self._events:
            if event.number > self._most:
                return
            wait = self._begun_at + event.at - time.monotonic()
            if wait > 0 and self._stop.wait(wait):
                return
            self._producers[zlib.crc32(event.group_id.encode()) % PRODUCERS].waiting.put(event)
