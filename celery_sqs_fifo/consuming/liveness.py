"""A liveness file for the health check of a container.

`python -m celery_sqs_fifo.consuming.liveness` exits with 0 if at least one worker of this user runs
on this host, and all of them are alive. With a FILE as its argument it checks the worker that
touches that file.
"""

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import gettempdir
from time import time
from typing import Any, TextIO

from celery_sqs_fifo.observing import observing

TOUCH_EVERY = 5.0
DEAD_AFTER = 30.0


class Liveness:
    """Touches a file while the event loop runs and `is_alive` returns true.

    If `file` is None, the worker uses a file of its own for this queue in `default_folder`, and
    locks it. If `file` is empty, there is no file. `inspect ping` does not prove that a worker is
    alive, because a worker may answer it without receiving messages.
    """

    def __init__(self, file: str | None, queue: str, *, is_alive: Callable[[], bool]) -> None:
        self._file = file
        self._own_name = f"{os.getpid()}-{queue}"
        self._is_alive = is_alive
        self._locked: TextIO | None = None
        self._timer: Any = None

    def start(self, hub: Any) -> None:
        """Start touching the file."""
        if self._file != "":
            with observing("liveness"):
                _forget_dead(default_folder())
            self._touch()
            self._timer = hub.call_repeatedly(TOUCH_EVERY, self._touch)

    def stop(self) -> None:
        """Stop touching the file. Remove it if it is the worker's own."""
        if self._timer:
            self._timer.cancel()
        if self._locked:
            with observing("liveness"):
                Path(self._locked.name).unlink(missing_ok=True)
                self._locked.close()
            self._locked = None

    def _touch(self) -> None:
        if self._is_alive():
            with observing("liveness"):
                if self._file is None:
                    self._touch_own()
                else:
                    Path(self._file).touch()

    def _touch_own(self) -> None:
        folder = default_folder()
        file = folder / self._own_name
        if self._locked and not file.exists():
            self._locked.close()
            self._locked = None
        if self._locked is None:
            _make_private(folder)
            self._locked = file.open("w")
        # A check may hold the lock at this moment. Then the next touch tries again.
        fcntl.lockf(self._locked, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.utime(self._locked.fileno())


def default_folder() -> Path:
    """Return the folder of the files that workers of this user have on this host."""
    return Path(gettempdir()) / f"celery-sqs-fifo-{os.geteuid()}"


def is_alive(path: Path, *, now: float) -> bool:
    """Return whether the file was touched in the last 30 seconds. `now` is a Unix timestamp."""
    try:
        return now - path.stat().st_mtime < DEAD_AFTER
    except FileNotFoundError:
        return False


def are_all_alive(folder: Path, *, now: float) -> bool:
    """Return whether at least one worker has a file in this folder, and all of them are alive."""
    running = [path for path in _files(folder) if _is_locked(path)]
    return bool(running) and all(is_alive(path, now=now) for path in running)


def _files(folder: Path) -> Iterator[Path]:
    return folder.iterdir() if folder.is_dir() else iter(())


def _is_locked(path: Path) -> bool:
    """Return whether a running process has locked the file.

    The lock ends with the process, and the pool processes do not inherit it (POSIX, `fcntl`). A
    process id would not prove that the worker runs, because another process may have the same id
    after a restart.
    """
    try:
        with path.open("r+") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _forget_dead(folder: Path) -> None:
    """Remove the files of workers that were killed.

    Leave out those of this process: opening and closing a file ends this process's lock on it.
    """
    for path in _files(folder):
        if not path.name.startswith(f"{os.getpid()}-") and not _is_locked(path):
            path.unlink(missing_ok=True)


def _make_private(folder: Path) -> None:
    """Create the folder. Raise PermissionError if it is another user's, or a link."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise PermissionError(f"{folder} belongs to another user")


def _main(arguments: list[str]) -> bool:
    if arguments:
        return is_alive(Path(arguments[0]), now=time())
    return are_all_alive(default_folder(), now=time())


if __name__ == "__main__":
    sys.exit(0 if _main(sys.argv[1:]) else 1)
