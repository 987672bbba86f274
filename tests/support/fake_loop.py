"""A stand-in for the worker's event loop, with a clock that moves only when a test says so."""

from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

MODULES_WITH_CLOCKS = ("consumer", "receiver", "settler")
# How far the clock moves while the loop waits for sockets once.
ONE_TURN = 0.1


class FakeTimer:
    """What `call_later` and `call_repeatedly` give: it can be cancelled."""

    def __init__(self, *, at: float, every: float | None, call: Callable[[], Any]) -> None:
        self.at = at
        self.every = every
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        """Never call it again."""
        self.cancelled = True


class FakeLoop:
    """As much of kombu's Hub as the transport uses. `now` is in seconds of the monotonic clock."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._soon: deque[Callable[[], Any]] = deque()
        self._timers: list[FakeTimer] = []

    def monotonic(self) -> float:
        """The monotonic clock."""
        return self.now

    def time(self) -> float:
        """The wall clock, in seconds since 1970."""
        return 1_800_000_000.0 + self.now

    def call_soon(self, callback: Callable[..., Any], *args: Any) -> None:
        """Call it at the loop's next turn."""
        self._soon.append(lambda: callback(*args))

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> FakeTimer:
        """Call it once, after `delay` seconds."""
        return self._add(delay, None, lambda: callback(*args))

    def call_repeatedly(self, delay: float, callback: Callable[..., Any], *args: Any) -> FakeTimer:
        """Call it every `delay` seconds."""
        return self._add(delay, delay, lambda: callback(*args))

    def run_once(self) -> None:
        """One turn: what is to be called soon, then what falls due while the loop waits."""
        for _ in range(len(self._soon)):
            self._soon.popleft()()
        self._move(ONE_TURN)

    def advance(self, seconds: float) -> None:
        """Let time pass, with everything called that falls due, in order."""
        while self._soon:
            self._soon.popleft()()
        self._move(seconds)

    @property
    def delays(self) -> list[float]:
        """In how many seconds each one-time call falls due, soonest first."""
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
        # Equal times are called in the order of their making, as kombu's timer does.
        due = [timer for timer in self._timers if timer.at <= end]
        return min(due, key=lambda timer: timer.at, default=None)


def use_clock_of(loop: FakeLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the package read the time from this loop."""
    for module in MODULES_WITH_CLOCKS:
        monkeypatch.setattr(f"celery_sqs_fifo.consuming.{module}.monotonic", loop.monotonic)
    for module in ("consumer", "settler"):
        monkeypatch.setattr(f"celery_sqs_fifo.consuming.{module}.time", loop.time)
