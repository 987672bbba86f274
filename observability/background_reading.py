"""Reads a dependency in a thread, so that one that hangs delays nobody beyond a deadline."""

import threading
from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class BackgroundReader(Generic[Answer]):
    """Calls `read` in a thread, at most once at a time, and keeps the latest answer.

    `read` must not raise an error. The thread is a daemon, so a dependency that hangs does not keep
    the process from ending.
    """

    def __init__(self, *, name: str, read: Callable[[], Answer]) -> None:
        self._name = name
        self._read = read
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._is_reading = False
        self._answer: Answer | None = None
        self._read_at: float | None = None

    def refresh(self, *, max_age: float = 0.0) -> None:
        """Start to read, unless a reading is in progress or the latest is younger than `max_age`.

        `max_age` is in seconds.
        """
        with self._lock:
            is_fresh = self._read_at is not None and monotonic() - self._read_at < max_age
            if self._is_reading or is_fresh:
                return
            # Starting can fail. The thread waits for the lock before it reports its answer.
            threading.Thread(target=self._run, name=self._name, daemon=True).start()
            self._is_reading = True
            self._done.clear()

    def answer(self, *, deadline: float) -> Answer | None:
        """Return the latest answer, or None if the reading has not ended by the deadline."""
        if not self._done.wait(max(0.0, deadline - monotonic())):
            return None
        return self._answer

    def _run(self) -> None:
        answer: Answer | None = None
        try:
            answer = self._read()
        finally:
            with self._lock:
                self._answer = answer
                self._read_at = monotonic()
                self._is_reading = False
            self._done.set()
