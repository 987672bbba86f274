"""A file that a container's health check can look at.

`python -m celery_sqs_fifo.consuming.liveness FILE` exits with 0 if the worker of FILE is alive.
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
    """Touches a file, if one is named, while the event loop turns and `is_alive` says so.

    An answer to `inspect ping` is no sign of life: a worker may answer and never receive again.
    """

    def __init__(self, name: str, *, is_alive: Callable[[], bool]) -> None:
        self._name = name
        self._is_alive = is_alive
        self._timer: Any = None

    def start(self, hub: Any) -> None:
        """Begin to touch the file."""
        if self._name:
            self._touch()
            self._timer = hub.call_repeatedly(TOUCH_EVERY, self._touch)

    def stop(self) -> None:
        """Leave the file to age."""
        if self._timer:
            self._timer.cancel()

    def _touch(self) -> None:
        if self._is_alive():
            with observing("liveness"):
                Path(self._name).touch()


def is_alive(path: Path, *, now: float) -> bool:
    """Whether the file was touched within the last 30 seconds; `now` in seconds since 1970."""
    try:
        return now - path.stat().st_mtime < DEAD_AFTER
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    sys.exit(0 if is_alive(Path(sys.argv[1]), now=time()) else 1)
