"""Stops the processes of a program that was killed before it could stop them itself.

A supervisor (see `embedded.processes`) runs this file as a child and keeps a pipe to it. The kernel
closes that pipe however the supervisor's program ends, SIGKILL included. Then the guard stops the
processes and removes the directories that were announced on the pipe.

Linux's PR_SET_PDEATHSIG is not sufficient: it reaches only direct children, is sent when the
*thread* that started them ends, and needs code between fork and exec (prctl(2), PR_SET_PDEATHSIG).
"""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable

GRACE_SECONDS = 2.0
POLL_SECONDS = 0.02


def main() -> None:
    """Read orders until the pipe is closed, one JSON array per line. Then stop and remove.

    ["watch", pid, signal]: stop the process group of this pid with this signal. ["forget", pid]: do
    not stop this process group, which has ended. ["remove", path]: remove this directory.
    """
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    stop_signals: dict[int, int] = {}
    directories: list[str] = []
    for line in sys.stdin:
        match json.loads(line):
            case ["watch", int(pid), int(stop_signal)]:
                stop_signals[pid] = stop_signal
            case ["forget", int(pid)]:
                stop_signals.pop(pid, None)
            case ["remove", str(path)]:
                directories.append(path)
    _stop_groups(stop_signals=stop_signals)
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)


def _stop_groups(*, stop_signals: dict[int, int]) -> None:
    for pid, stop_signal in stop_signals.items():
        _send(os.kill, pid, stop_signal)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline and any(_send(os.killpg, pid, 0) for pid in stop_signals):
        time.sleep(POLL_SECONDS)
    for pid in stop_signals:
        _send(os.killpg, pid, signal.SIGKILL)


def _send(send: Callable[[int, int], None], pid: int, number: int) -> bool:
    try:
        send(pid, number)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
