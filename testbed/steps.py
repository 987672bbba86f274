"""Three steps that do no work: they write lines to a journal, and fail on request.

An event is `{"group", "number"}`. It may have `"seconds"`, the length of each step, and `"trouble":
{"step", "what", "times"}`, a failure in one step; without `"times"`, in every run. The environment
variable JOURNAL names the journal's file, which `testbed.journal` reads.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

QUEUE = "events.fifo"
STEPS = ("first", "second", "third")


def fail(what: str) -> None:
    """Kill this process if `what` is "die". Otherwise raise RuntimeError."""
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    raise RuntimeError("a bug in the task")


def perform(
    *, step: str, event: Mapping[str, Any], fail_with: Callable[[str], None] = fail
) -> None:
    """Run one step for one event. If the event demands a failure, call `fail_with` for it."""
    name = f"{step} {event['group']} {event['number']}"
    note(f"began {name}")
    # A sleep of 0 seconds still costs a system call, which benchmarks would measure.
    if seconds := event.get("seconds"):
        time.sleep(seconds)
    trouble = event.get("trouble")
    if trouble and trouble["step"] == step and _fails_again(event, trouble.get("times")):
        try:
            fail_with(trouble["what"])
        except Exception:
            note(f"failed {name}")
            raise
    note(f"did {name}")


def note(line: str) -> None:
    """Append a line to the journal, with the process and the time."""
    with _journal().open("a") as file:
        file.write(f"{line} {os.getpid()} {time.monotonic_ns()}\n")


def _fails_again(event: Mapping[str, Any], times: int | None) -> bool:
    """Return whether this run must fail, too. The count is in a file, so that it survives kills."""
    if times is None:
        return True
    counter = _journal().with_suffix(f".trouble-{event['group']}-{event['number']}")
    count = len(counter.read_text()) if counter.exists() else 0
    counter.write_text("x" * (count + 1))
    return count < times


def _journal() -> Path:
    return Path(os.environ["JOURNAL"])
