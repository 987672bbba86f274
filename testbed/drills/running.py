"""Runs a drill for some time, and says when it begins and ends."""

import signal
import time
from contextlib import suppress
from functools import partial

from rich.console import Console

from embedded.commands import print_with_time
from embedded.up.presence import RunningUp
from testbed.drills.drill import Drill

_POLL_SECONDS = 0.2


def run_drill(drill: Drill, *, up: RunningUp, seconds: int, console: Console) -> None:
    """Break something, wait, and repair it. Ctrl-C ends the wait."""
    say = partial(print_with_time, console=console)
    say(
        f"{drill.name}: {drill.happens}\n"
        f"The drill ends in {seconds} seconds, or with Ctrl-C, and repairs what it broke.\n"
        f"Chapter in docs/runbook.md: {drill.chapter}"
    )
    if not up.has("load"):
        say("No load runs, so few events are affected: `make up LOAD=20` sends events.")
    with suppress(KeyboardInterrupt), drill.breaking(up):
        _wait(seconds, up=up)
    if up.is_running:
        say(f"{drill.name} has ended. {drill.afterwards}")
    else:
        say(f"`make up` has ended, and so has {drill.name}.")


def _wait(seconds: float, *, up: RunningUp) -> None:
    """Wait until the time is over, Ctrl-C is pressed, or `make up` has ended."""
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until and up.is_running:
            time.sleep(_POLL_SECONDS)
    except KeyboardInterrupt:
        # Another Ctrl-C must not interrupt the repair.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
