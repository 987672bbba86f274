"""Producers: events on the queue at a steady rate, each until SQS has taken it."""

import queue
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from tests.chaos.plan import PlannedEvent
from tests.chaos.servers import Servers

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

PRODUCERS = 2
_LARGEST_BATCH = 10
_LARGEST_BYTES = 900_000
_RETRY_SECONDS = 0.2
_GATHER_SECONDS = 0.05


class _Producer:
    """Sends its groups' events in order.

    `sent` are those that SQS has confirmed, and `message_ids` what it calls them.
    """

    def __init__(self, *, sqs: "SQSClient", queue_url: str) -> None:
        self.sent: list[PlannedEvent] = []
        self.message_ids: set[str] = set()
        self.waiting: queue.SimpleQueue[PlannedEvent | None] = queue.SimpleQueue()
        self.failure: Exception | None = None
        self._sqs = sqs
        self._queue_url = queue_url
        self._left_over: PlannedEvent | None = None

    def run(self) -> None:
        """Until None has come, and all before it is sent."""
        pending: deque[PlannedEvent] = deque()
        is_over = False
        try:
            while pending or not is_over:
                is_over |= self._take(pending)
                while batch := _first_batch(pending):
                    self._send(batch)
                    self.sent += batch
        except Exception as error:
            self.failure = error

    def _take(self, pending: deque[PlannedEvent]) -> bool:
        """What has come within a moment; tells whether it was the last."""
        event = self.waiting.get()
        time.sleep(_GATHER_SECONDS)
        while event is not None:
            pending.append(event)
            try:
                event = self.waiting.get_nowait()
            except queue.Empty:
                return False
        return True

    def _send(self, batch: Sequence[PlannedEvent]) -> None:
        """Until all of it is taken; its deduplication ids make trying again harmless."""
        left = list(batch)
        while left:
            try:
                answer = self._sqs.send_message_batch(
                    QueueUrl=self._queue_url,
                    Entries=[
                        {
                            "Id": str(event.number),
                            "MessageBody": event.body,
                            "MessageGroupId": event.group_id,
                            "MessageDeduplicationId": str(event.number),
                        }
                        for event in left
                    ],
                )
            except (BotoCoreError, ClientError):
                time.sleep(_RETRY_SECONDS)
                continue
            taken = {entry["Id"]: entry["MessageId"] for entry in answer.get("Successful", ())}
            self.message_ids.update(taken.values())
            refused = [event for event in left if str(event.number) not in taken]
            _check_no_one_was_overtaken(refused, [e for e in left if str(e.number) in taken])
            left = refused


def _first_batch(pending: deque[PlannedEvent]) -> list[PlannedEvent]:
    """As much as one call takes; it is gone from what is pending."""
    batch: list[PlannedEvent] = []
    size = 0
    while pending and len(batch) < _LARGEST_BATCH:
        size += len(pending[0].body)
        if batch and size > _LARGEST_BYTES:
            break
        batch.append(pending.popleft())
    return batch


def _check_no_one_was_overtaken(
    refused: Iterable[PlannedEvent], taken: Iterable[PlannedEvent]
) -> None:
    first_refused = {event.group_id: event.number for event in reversed(list(refused))}
    for event in taken:
        if event.number > first_refused.get(event.group_id, event.number):
            raise RuntimeError("SQS took a later event of a group and refused an earlier one.")


class Load:
    """`events` are sent when they are due, in seconds from `begun_at` of the monotonic clock."""

    def __init__(
        self, *, servers: Servers, events: Iterable[PlannedEvent], begun_at: float, most: int
    ) -> None:
        self._producers = [
            _Producer(sqs=servers.sqs(), queue_url=servers.queue_url) for _ in range(PRODUCERS)
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
    def message_ids(self) -> set[str]:
        """What SQS calls them."""
        return {one for producer in self._producers for one in producer.message_ids}

    @property
    def sent(self) -> list[PlannedEvent]:
        """Those that SQS has confirmed; of each group in the order in which it has them."""
        events = [event for producer in self._producers for event in producer.sent]
        return sorted(events, key=lambda event: event.number)

    def _pace(self) -> None:
        for event in self._events:
            if event.number > self._most:
                return
            wait = self._begun_at + event.at - time.monotonic()
            if wait > 0 and self._stop.wait(wait):
                return
            self._producers[zlib.crc32(event.group_id.encode()) % PRODUCERS].waiting.put(event)
