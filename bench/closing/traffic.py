"""Sends live messages at a steady rate, and reads their times from the log of the SQS server."""

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
# The worker can process far more, so that the queue is almost empty while nothing closes.
PER_SECOND = 20
# The number of prepared messages of each contact. No run sends so many.
_MAX_EACH = 100_000


class Traffic:
    """A thread that sends messages of all contacts in turn. `messages` is complete at the end."""

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
    """Return the latencies of the live messages that were sent from `since` until `until`.

    Both are in seconds since the epoch. `messages` has all live messages by id. A message counts as
    received or deleted at the end of the call.
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
