"""Long polls: receives that wait for a message, woken as soon as one can be received."""

import asyncio
from collections import defaultdict, deque
from contextlib import suppress

from testbed.server.clock import Clock
from testbed.sqs.queue import FifoQueue

# AWS documentation, ReceiveMessage, "WaitTimeSeconds".
MAX_POLL_SECONDS = 20.0


class LongPolls:
    """The receives that wait, by queue. Who changes a queue calls `wake` for it.

    No receive may wait longer than `longest`, in seconds.
    """

    def __init__(self, *, clock: Clock, longest: float) -> None:
        self._clock = clock
        self.longest = longest
        self._waiting: defaultdict[FifoQueue, deque[asyncio.Future[None]]] = defaultdict(deque)
        self._timers: dict[FifoQueue, asyncio.TimerHandle] = {}

    async def wait(self, *, queue: FifoQueue, seconds: float) -> None:
        """Returns when there may be a message, after that many real seconds at the latest."""
        woken = asyncio.get_running_loop().create_future()
        self._waiting[queue].append(woken)
        self.wake(queue)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await woken

    def wake(self, queue: FifoQueue) -> None:
        """Wakes the first that waits if there is a message, else sees to it that it will be.

        The one that is woken calls this again after its receive, for the next one.
        """
        timer = self._timers.pop(queue, None)
        if timer is not None:
            timer.cancel()
        waiting = self._waiting[queue]
        while waiting and waiting[0].done():
            waiting.popleft()
        if not waiting:
            return
        now = self._clock.now()
        if queue.has_receivable(now=now):
            waiting.popleft().set_result(None)
            return
        lease_end = queue.next_lease_end()
        if lease_end is not None:
            self._timers[queue] = asyncio.get_running_loop().call_later(
                lease_end - now, self.wake, queue
            )

    def wake_all(self, queue: FifoQueue) -> None:
        """Wakes all that wait for a message of this queue, whether there is one or not."""
        for woken in self._waiting.pop(queue, ()):
            if not woken.done():
                woken.set_result(None)

    def forget(self, queue: FifoQueue) -> None:
        """Wakes all, and keeps nothing of a queue that was deleted."""
        self.wake_all(queue)
        timer = self._timers.pop(queue, None)
        if timer is not None:
            timer.cancel()
