"""Live messages at a steady rate, and what became of them as the queue's server saw it."""

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
# Well below what the worker can do: without closings the queue is all but empty.
PER_SECOND = 20
# More than are sent in any run.
_MAX_EACH = 100_000


class Traffic:
    """Messages of some contacts in turn, sent by a thread. `messages` are known at the end."""

    def __init__(self, *, queue_url: str) -> None:
        self.sent = 0
        self.messages: Mapping[str, ChatEvent] = {}
        self._queue_url = queue_url
        self._stop = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send while the block runs. At its end, raise what stopped the thread before."""
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
    """Return those that were sent from a time to another one, in seconds since the epoch.

    `messages` are all live messages by id. One counts as received when the call that brought it
    ends, and as deleted when the call that deleted it does: what it was sent for has taken effect
    by then.
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
