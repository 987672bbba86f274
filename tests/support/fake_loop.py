"""A fake of the worker's event loop, with a clock that only tests move."""

from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any

import pytest

MODULES_WITH_CLOCKS = ("consumer", "failures", "receiver", "settler")
# How far the clock moves in one turn of the loop, in seconds.
ONE_TURN = 0.1


class FakeTimer:
    """A timer that `call_later` or `call_repeatedly` returns."""

    def __init__(self, *, at: float, every: float | None, call: Callable[[], Any]) -> None:
        self.at = at
        self.every = every
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        """Prevent further calls."""
        self.cancelled = True


class FakeLoop:
    """The part of kombu's Hub that the transport uses.

    `now` is in seconds of the monotonic clock.
    """

    def __init__(self) -> None:
        self.now = 1_000.0
        self._soon: deque[Callable[[], Any]] = deque()
        self._timers: list[FakeTimer] = []

    def monotonic(self) -> float:
        """Return the time of the monotonic clock, in seconds."""
        return self.now

    def time(self) -> float:
        """Return the time of the wall clock, in seconds since 1970."""
        return 1_800_000_000.0 + self.now

    def call_soon(self, callback: Callable[..., Any], *args: Any) -> None:
        """Call a function at the loop's next turn."""
        self._soon.append(lambda: callback(*args))

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> FakeTimer:
        """Call a function once, after `delay` seconds."""
        return self._add(delay, None, lambda: callback(*args))

    def call_repeatedly(self, delay: float, callback: Callable[..., Any], *args: Any) -> FakeTimer:
        """Call a function every `delay` seconds."""
        return self._add(delay, delay, lambda: callback(*args))

    def run_once(self) -> None:
        """Run one turn: first the calls of `call_soon`, then the timers that become due."""
        for _ in range(len(self._soon)):
            self._soon.popleft()()
        self._move(ONE_TURN)

    def advance(self, seconds: float) -> None:
        """Move the clock, and make all calls that become due, in order."""
        while self._soon:
            self._soon.popleft()()
        self._move(seconds)

    @property
    def delays(self) -> list[float]:
        """Return the seconds until each one-time call is due, in ascending order."""
        return sorted(timer.at - self.now for timer in self._timers if timer.every is None)

    def _add(self, delay: float, every: float | None, call: Callable[[], Any]) -> FakeTimer:
        timer = FakeTimer(at=self.now + delay, every=every, call=call)
        self._timers.append(timer)
        return timer

    def _move(self, seconds: float) -> None:
        end = self.now + seconds
        while due := self._next_due(end):
            self.now = max(self.now, due.at)
            if due.every is None:
                self._timers.remove(due)
            else:
                due.at += due.every
            due.call()
            while self._soon:
                self._soon.popleft()()
        self.now = end

    def _next_due(self, end: float) -> FakeTimer | None:
        self._timers = [timer for timer in self._timers if not timer.cancelled]
        # Timers with equal times fire in the order of their creation, as with kombu's timer.
        due = [timer for timer in self._timers if timer.at <= end]
        return min(due, key=lambda timer: timer.at, default=None)


def use_clock_of(loop: FakeLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the package read the time from this loop."""
    for module in MODULES_WITH_CLOCKS:
        monkeypatch.setattr(f"celery_sqs_fifo.consuming.{module}.monotonic", loop.monotonic)
    # Calls never time out, because a test may move the clock far before it answers them.
    monkeypatch.setattr("celery_sqs_fifo.consuming.receiver.OVERSTAYS_AFTER", inf)
    for module in ("consumer", "failures", "settler"):
        monkeypatch.setattr(f"celery_sqs_fifo.consuming.{module}.time", loop.time)
