"""`python -m tests.chaos` runs the whole service under load while faults hit every part of it.

The options are environment variables (defaults in brackets):
- CHAOS_SECONDS (780; 960 with PUBLISH=1): the length of the load;
- CHAOS_RATE (30): the events per second;
- SEED (random, and printed): determines the events and the schedule of faults;
- CHAOS_WRITE=1: write the result to a folder that git ignores;
- PUBLISH=1, with CHAOS_WRITE=1: run three seeds derived from the commit, and write to docs/;
- CHAOS_LOGS: the folder that keeps the logs of all processes; if unset, the logs are deleted.
"""

import os
import sys
from pathlib import Path

from rich.console import Console

from bench.common import results
from embedded.commands import exit_status, number_setting, print_error
from tests.chaos.options import Options
from tests.chaos.page import render, tables
from tests.chaos.result import ChaosResult, ChaosRun
from tests.chaos.run import run_chaos
from tests.chaos.seeds import MIN_SECONDS, PUBLISHED_SECONDS, RATE, SECONDS, chosen_seeds

_MAX_DEFECTS_SHOWN = 40


def run_command(console: Console) -> int:
    """Return 0 if there was no defect, else 1. Raises ProcessError or CommandError."""
    writes = bool(os.environ.get("CHAOS_WRITE"))
    publishes = writes and os.environ.get("PUBLISH") == "1"
    seconds = number_setting(
        "CHAOS_SECONDS",
        default=PUBLISHED_SECONDS if publishes else SECONDS,
        minimum=MIN_SECONDS,
    )
    rate = number_setting("CHAOS_RATE", default=RATE)
    kept = os.environ.get("CHAOS_LOGS")
    runs = []
    for seed in chosen_seeds(publishes=publishes):
        logs = Path(kept).resolve() / str(seed) if kept else None
        options = Options(seed=seed, seconds=seconds, rate=rate, logs=logs)
        runs.append(_run(options, console=console))
    command = "PUBLISH=1 make chaos" if publishes else "make chaos"
    result = ChaosResult.of(runs, command=command)
    for table in tables(result).values():
        table.print_on(console)
    for run in runs:
        console.print(f"seed {run.seed}: " + ("no defect" if run.is_clean else "DEFECTS"))
    if writes:
        page = results.write(name="chaos", document=result.as_json(), page=render(result=result))
        console.print(f"Written: {page}", highlight=False, soft_wrap=True)
    return 0 if result.is_clean else 1


def _run(options: Options, *, console: Console) -> ChaosRun:
    console.print(f"SEED={options.seed}", highlight=False)
    run, defects = run_chaos(options=options, console=console)
    for kind, what in defects[:_MAX_DEFECTS_SHOWN]:
        print_error(f"{kind}: {what}")
    return run


if __name__ == "__main__":
    sys.exit(exit_status(run_command))
