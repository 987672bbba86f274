"""`python -m tests.chaos`: run the whole service under load while faults hit every part of it.

The options are environment variables (defaults in brackets):
- CHAOS_SECONDS (600): the length of the load;
- CHAOS_RATE (52): the events per second;
- SEED (random, and printed): determines the events and the schedule of faults;
- CHAOS_WRITE=1: write the result to a folder that git ignores or, with PUBLISH=1, to docs/;
- CHAOS_LOGS: the folder that keeps the logs of all processes; if unset, the logs are deleted.
"""

import os
import secrets
import sys
from pathlib import Path

from rich.console import Console

from bench.common import results
from embedded.commands import exit_status, number_setting, print_error
from tests.chaos.options import Options
from tests.chaos.page import render, tables
from tests.chaos.run import run_chaos

COMMAND = "make chaos"
_SECONDS = 600
_RATE = 52
_SEEDS = 1_000_000
_MAX_DEFECTS_SHOWN = 40


def run_command(console: Console) -> int:
    """Return 0 if there was no defect, else 1. Raises ProcessError or CommandError."""
    options = Options(
        seed=number_setting("SEED", default=secrets.randbelow(_SEEDS)),
        seconds=number_setting("CHAOS_SECONDS", default=_SECONDS),
        rate=number_setting("CHAOS_RATE", default=_RATE),
        logs=Path(kept).resolve() if (kept := os.environ.get("CHAOS_LOGS")) else None,
    )
    console.print(f"SEED={options.seed}", highlight=False)
    run, defects = run_chaos(options=options, command=COMMAND, console=console)
    for kind, what in defects[:_MAX_DEFECTS_SHOWN]:
        print_error(f"{kind}: {what}")
    for table in tables(run).values():
        table.print_on(console)
    console.print(f"seed {run.seed}: " + ("no defect" if run.is_clean else "DEFECTS"))
    if os.environ.get("CHAOS_WRITE"):
        page = results.write(name="chaos", document=run.as_json(), page=render(run=run))
        console.print(f"Written: {page}", highlight=False, soft_wrap=True)
    return 0 if run.is_clean else 1


if __name__ == "__main__":
    sys.exit(exit_status(run_command))
