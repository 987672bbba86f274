"""`make drill` lists the drills; `make drill DRILL=stop-postgresql` runs one.

DRILL_SECONDS changes how long a drill lasts. If several `make up` run, DRILL_PID names one of them.
"""

import os
import signal
import sys

from rich.console import Console
from rich.table import Table

from embedded.commands import CommandError, exit_status, number_setting
from embedded.up.presence import RunningUp, running_ups
from testbed.drills.catalogue import DRILLS
from testbed.drills.drill import Drill
from testbed.drills.running import run_drill

MIN_SECONDS, MAX_SECONDS = 5, 3_600


def work(console: Console) -> int:
    """List the drills, or run one. Returns 0. Raises CommandError if it cannot run."""
    name = os.environ.get("DRILL", "")
    if not name:
        _list(console)
        return 0
    drill = _drill(name)
    seconds = number_setting(
        "DRILL_SECONDS", default=drill.seconds, minimum=MIN_SECONDS, maximum=MAX_SECONDS
    )
    # A terminal that is closed ends the drill as SIGTERM does.
    signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))
    up = _chosen(running_ups(), pid=os.environ.get("DRILL_PID", ""))
    with up.reserved() as is_alone:
        if not is_alone:
            raise CommandError("Another drill runs. Wait until it ends, or end it with Ctrl-C.")
        run_drill(drill, up=up, seconds=seconds, console=console)
    return 0


def _list(console: Console) -> None:
    table = Table.grid(padding=(0, 2))
    for drill in DRILLS:
        table.add_row(f"  {drill.name}", drill.summary, f"{drill.seconds} s", drill.chapter)
    console.print("Drills, with their chapters in docs/runbook.md:\n", highlight=False)
    console.print(table, highlight=False)
    console.print(
        f"\nmake drill DRILL={DRILLS[0].name} runs one on a running `make up`, and repairs\n"
        "what it broke. DRILL_SECONDS=60 makes it shorter or longer.",
        highlight=False,
    )


def _drill(name: str) -> Drill:
    for drill in DRILLS:
        if drill.name == name:
            return drill
    names = ", ".join(drill.name for drill in DRILLS)
    raise CommandError(f"There is no drill {name!r}. The drills are: {names}.")


def _chosen(ups: list[RunningUp], *, pid: str) -> RunningUp:
    chosen = [up for up in ups if pid in ("", str(up.pid))]
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        pids = ", ".join(str(up.pid) for up in chosen)
        raise CommandError(f"Several `make up` run: set DRILL_PID to one of {pids}.")
    which = f" with DRILL_PID={pid}" if pid else ""
    raise CommandError(f"No `make up`{which} runs. Start it in another shell: make up LOAD=20")


def main() -> int:
    """Return the exit status of `work`."""
    return exit_status(work)


if __name__ == "__main__":
    sys.exit(main())
