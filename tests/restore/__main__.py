"""`python -m tests.restore` restores PostgreSQL under load, and accounts for every event.

The options are environment variables (defaults in brackets):
- RESTORE_SECONDS (90): the length of the load before PostgreSQL is restored, at least 75;
- RESTORE_RATE (30): the events per second;
- SEED (random, and printed): determines the events.
"""

import secrets
import sys

from rich.console import Console

from bench.common.tables import Table
from embedded.commands import exit_status, number_setting, print_error
from tests.restore.accounting import Account, account_for
from tests.restore.run import Observed, Options, run_drill

_MIN_SECONDS = 75
_MAX_DEFECTS_SHOWN = 40
_SEEDS = 2**32


def run_command(console: Console) -> int:
    """Return 0 if every event is accounted for, else 1. Raises ProcessError or CommandError."""
    options = Options(
        seed=number_setting("SEED", default=secrets.randbelow(_SEEDS)),
        rate=number_setting("RESTORE_RATE", default=30, minimum=1),
        seconds=number_setting("RESTORE_SECONDS", default=90, minimum=_MIN_SECONDS),
    )
    console.print(f"SEED={options.seed}", highlight=False)
    observed = run_drill(options, console=console)
    account = account_for(observed)
    _conversations(observed).print_on(console)
    _events(account).print_on(console)
    for defect in account.defects[:_MAX_DEFECTS_SHOWN]:
        print_error(defect)
    console.print("Every event is accounted for." if not account.defects else "DEFECTS")
    return 1 if account.defects else 0


def _conversations(observed: Observed) -> Table:
    restore = observed.restore
    unknown = restore.before - restore.restored
    return Table(
        head=["conversations", "number"],
        rows=[
            ["before the restore", str(len(restore.before))],
            ["unknown after it", str(len(unknown))],
            [
                "of these, opened again with the same uuid",
                str(len(unknown & observed.conversations)),
            ],
            [
                "gone, because they had no message",
                str(len(restore.before - observed.conversations)),
            ],
            ["opened since", str(len(observed.conversations - restore.before))],
        ],
    )


def _events(account: Account) -> Table:
    rows = [[fate.value, f"{number:,}"] for fate, number in sorted(account.fates.items())]
    return Table(
        head=["events sent", "number"], rows=[*rows, ["all", f"{account.fates.total():,}"]]
    )


if __name__ == "__main__":
    sys.exit(exit_status(run_command))
