"""A liveness file for the health check of a container.

`python -m celery_sqs_fifo.consuming.liveness FILE` exits with 0 if the worker that
touches FILE is alive.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import Any

from celery_sqs_fifo.observing import observing

TOUCH_EVERY = 5.0
DEAD_AFTER = 30.0


class Liveness:
    """Touches a file while the event loop runs and `is_alive` returns true.

    No file is touched if `name` is empty. `inspect ping` does not prove that a worker is alive,
    because a worker may answer it without receiving messages.
    """

    def __init__(self, name: str, *, is_alive: Callable[[], bool]) -> None:
        self._name = name
        self._is_alive = is_alive
        self._timer: Any = None

    def start(self, hub: Any) -> None:
        """Start touching the file."""
        if self._name:
            self._touch()
            self._timer = hub.call_repeatedly(TOUCH_EVERY, self._touch)

    def stop(self) -> None:
        """Stop touching the file."""
        if self._timer:
            self._timer.cancel()

    def _touch(self) -> None:
        if self._is_alive():
            with observing("liveness"):
                Path(self._name).touch()


def is_alive(path: Path, *, now: float) -> bool:
    """Return whether the file was touched in the last 30 seconds. `now` is a Unix timestamp."""
    try:
        return now - path.stat().st_mtime < DEAD_AFTER
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    sys.exit(0 if is_alive(Path(sys.argv[1]), now=time()) else 1)
