"""Runs `embedded.guard`, which stops the children of this program if it is killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from embedded import guard


class Guard:
    """This program's end of the pipe to the guard."""

    def __init__(self, *, pipe_fd: int) -> None:
        self._pipe_fd = pipe_fd

    def watch(self, *, pid: int, stop_signal: signal.Signals) -> None:
        """Have the process group of this pid stopped with this signal."""
        self._send("watch", pid, int(stop_signal))

    def forget(self, *, pid: int) -> None:
        """Leave a process group alone from now on, because it has ended."""
        self._send("forget", pid)

    def remove(self, *, directory: Path) -> None:
        """Have a directory removed."""
        self._send("remove", str(directory))

    def _send(self, *order: str | int) -> None:
        # If the guard was killed, this program still stops its processes itself.
        with suppress(BrokenPipeError):
            os.write(self._pipe_fd, (json.dumps(order) + "\n").encode())


@contextmanager
def running_guard() -> Iterator[Guard]:
    """Run the guard until the block is left."""
    # Isolated and without site-packages, the guard starts in milliseconds.
    process = subprocess.Popen(  # noqa: S603 (a file of this package)
        [sys.executable, "-I", "-S", guard.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with process:
        if process.stdin is None:
            raise RuntimeError("The guard has no pipe.")
        yield Guard(pipe_fd=process.stdin.fileno())
