"""Live messages at a steady rate, and their times in the log of the SQS server."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

from bench.closing.result import Live
from bench.common.chat import ChatEvent, Load
from bench.common.queue import LightQueue
from bench.common.statistics import first_ends
from testbed.sqs.calls import LoggedCall

CONTACTS = 40
# Far below the worker's limit, so that the queue is almost empty without closings.
PER_SECOND = 20
# More messages of each contact than any run sends.
_MAX_EACH = 100_000


class Traffic:
    """A thread that sends messages of contacts in turn. `messages` is complete at the end."""

    def __init__(self, *, queue_url: str) -> None:
        self.sent = 0
        self.messages: Mapping[str, ChatEvent] = {}
        self._queue_url = queue_url
        self._stop = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send while the block runs. Raises the exception that ended the thread, if any."""
        with ThreadPoolExecutor(max_workers=1) as pool:
            sending = pool.submit(self._send)
            try:
                yield
            finally:
                self._stop.set()
            self.messages = sending.result()

    def _send(self) -> Mapping[str, ChatEvent]:
        with closing(LightQueue(queue_url=self._queue_url)) as queue:
            return queue.pace(self._events(), per_second=PER_SECOND)

    def _events(self) -> Iterator[ChatEvent]:
        for event in Load(contacts=CONTACTS, numbers=range(_MAX_EACH)):
            if self._stop.is_set():
                return
            yield event
            self.sent += 1


def live_messages(
    calls: Sequence[LoggedCall], *, messages: Mapping[str, object], since: float, until: float
) -> Live:
    """Return the live messages that were sent in a phase, in seconds since the epoch.

    `messages` are all live messages by id. A message was received or deleted when that call ended.
    It has taken effect before it is deleted.
    """
    sent = {
        message: at
        for message, at in first_ends(calls, result="sent").items()
        if message in messages and since <= at < until
    }
    received = first_ends(calls, result="received")
    deleted = first_ends(calls, result="deleted")
    return Live(
        sent=len(sent),
        received=[(received[one] - at) * 1000 for one, at in sent.items() if one in received],
        deleted=[(deleted[one] - at) * 1000 for one, at in sent.items() if one in deleted],
    )
