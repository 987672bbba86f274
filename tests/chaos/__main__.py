"""`python -m tests.chaos`: the whole service under load while everything fails.

CHAOS_SECONDS is the length of the load (600), CHAOS_RATE the events in a second (52), SEED what the
events and the schedule of faults are made from (random, and printed). With CHAOS_WRITE=1 the result
is written, with PUBLISH=1 to the documentation, otherwise to a folder that git ignores. CHAOS_LOGS
is a folder for the logs of all processes; else they are gone with the rest. The exit status is 1 if
there was a defect.
"""

import os
import secrets
import sys
from pathlib import Path

from rich.console import Console

from bench.common import results
from embedded.processes import ProcessError, sigterm_as_exit
from tests.chaos.options import Options
from tests.chaos.page import render
from tests.chaos.rows import tables
from tests.chaos.run import run_chaos

COMMAND = "make chaos"
_SECONDS = 600
_RATE = 52
_SEEDS = 1_000_000
_SHOWN = 40
_INTERRUPTED = 130


def main() -> int:
    """0 if there was no defect, 1 if there was or a server failed; 130 and 143 if stopped."""
    console, errors = Console(), Console(stderr=True)
    try:
        options = Options(
            seed=_number("SEED", secrets.randbelow(_SEEDS)),
            seconds=_number("CHAOS_SECONDS", _SECONDS),
            rate=_number("CHAOS_RATE", _RATE),
            logs=Path(kept).resolve() if (kept := os.environ.get("CHAOS_LOGS")) else None,
        )
        console.print(f"SEED={options.seed}", highlight=False)
        with sigterm_as_exit():
            run, defects = run_chaos(options=options, command=COMMAND, console=console)
    except (ProcessError, ValueError) as error:
        _tell(errors, str(error))
        return 1
    except KeyboardInterrupt:
        errors.print("Interrupted. Everything is stopped.")
        return _INTERRUPTED
    for kind, where in defects[:_SHOWN]:
        _tell(errors, f"{kind}: {where}")
    for table in tables(run).values():
        table.print_on(console)
    console.print(f"seed {run.seed}: " + ("no defect" if run.is_clean else "DEFECTS"))
    if os.environ.get("CHAOS_WRITE"):
        page = results.write(name="chaos", document=run.as_json(), page=render(run=run))
        console.print(f"Written: {page}", highlight=False, soft_wrap=True)
    return 0 if run.is_clean else 1


def _tell(errors: Console, what: str) -> None:
    errors.print(what, style="red", markup=False, highlight=False, soft_wrap=True)


def _number(name: str, default: int) -> int:
    """A variable, or the default. Raises ValueError with what to set instead."""
    text = os.environ.get(name, "") or str(default)
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{name} must be a whole number.")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
