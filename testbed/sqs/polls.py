"""Long polls: receives that wait until a message can be received."""

import asyncio
from collections import defaultdict, deque
from contextlib import suppress

from testbed.server.clock import Clock
from testbed.sqs.queue import FifoQueue

# Amazon SQS API Reference, ReceiveMessage, "WaitTimeSeconds".
MAX_POLL_SECONDS = 20.0


class LongPolls:
    """The waiting receives by queue. `wake` must be called after each change of a queue.

    No receive waits longer than `longest` seconds.
    """

    def __init__(self, *, clock: Clock, longest: float) -> None:
        self._clock = clock
        self.longest = longest
        self._waiting: defaultdict[FifoQueue, deque[asyncio.Future[None]]] = defaultdict(deque)
        self._timers: dict[FifoQueue, asyncio.TimerHandle] = {}

    async def wait(self, *, queue: FifoQueue, seconds: float) -> None:
        """Wait until a message may be available, but at most for that many real seconds."""
        woken = asyncio.get_running_loop().create_future()
        self._waiting[queue].append(woken)
        self.wake(queue)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await woken

    def wake(self, queue: FifoQueue) -> None:
        """Wake the first waiting receive if a message is visible, or when the next lease ends.

        A receive that was woken calls this method again to wake the next receive.
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
        """Wake all receives that wait for this queue."""
        for woken in self._waiting.pop(queue, ()):
            if not woken.done():
                woken.set_result(None)

    def forget(self, queue: FifoQueue) -> None:
        """Wake all receives of a deleted queue, and forget the queue."""
        self.wake_all(queue)
        timer = self._timers.pop(queue, None)
        if timer is not None:
            timer.cancel()
