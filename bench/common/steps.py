"""The work of each step, the same for both subjects: lines in a journal, and a failure on request.

An event is `{"group", "number", "seconds"}`, where `seconds` is the length of each step. It may
have `"trouble": {"step", "what", "times"}`, a failure in one step. `testbed.journal` reads the
journal.
"""

import os
import signal
import time
from pathlib import Path
from typing import Any

QUEUE = "events.fifo"
STEPS = ("first", "second", "third")


def perform(*, step: str, event: dict[str, Any]) -> None:
    """Run one step for one event. Raises RuntimeError or kills the process if the event demands it.

    The environment variable JOURNAL names the journal's file.
    """
    journal = Path(os.environ["JOURNAL"])
    _write(journal, f"began {step} {event['group']} {event['number']}")
    if event["seconds"]:
        time.sleep(event["seconds"])
    trouble = event.get("trouble")
    if trouble and trouble["step"] == step and _fails_again(journal, event, trouble["times"]):
        if trouble["what"] == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        _write(journal, f"failed {step} {event['group']} {event['number']}")
        raise RuntimeError("a bug in the task")
    _write(journal, f"did {step} {event['group']} {event['number']}")


def _write(journal: Path, line: str) -> None:
    with journal.open("a") as file:
        file.write(f"{line} {os.getpid()} {time.monotonic_ns()}\n")


def _fails_again(journal: Path, event: dict[str, Any], times: int) -> bool:
    """Whether this run must fail, too. The count is in a file: the process may be killed."""
    counter = journal.with_name(f"trouble-{journal.name}-{event['group']}-{event['number']}")
    count = len(counter.read_text()) if counter.exists() else 0
    counter.write_text("x" * (count + 1))
    return count < times
