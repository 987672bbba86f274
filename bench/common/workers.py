"""How workers are started: as users start them, with the `celery` script beside Python."""

import sys
from pathlib import Path

# The name of the service's queue.
QUEUE = "conversations.fifo"
_CELERY = Path(sys.executable).with_name("celery")


def worker_command(*, app: str, queue: str, processes: int, name: str = "") -> list[str | Path]:
    """Return the command of a worker with so many pool processes, called `name` if it has one."""
    arguments = [*("-A", app, "worker", "-Q", queue), *("--concurrency", str(processes))]
    arguments += ["--loglevel", "INFO", *(["--hostname", f"{name}@%h"] if name else [])]
    return [_CELERY, *arguments]
