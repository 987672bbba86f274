"""`python -m tests.foreign` runs the service on servers that this project did not write.

The options are environment variables (defaults in brackets):
- SERVERS (all that can be installed here): the names of pairs of servers, separated by blanks;
- POOL_MODES (session transaction): the modes of PgBouncer;
- FOREIGN_EVENTS (2000) and FOREIGN_KILLS (10): the events and SIGKILLs of each run;
- SEED (random, and printed): determines the events;
- PUBLISH=1: write the result to docs/ and not to a folder that git ignores;
- FOREIGN_LOGS: the folder that keeps the logs of all processes; if unset, the logs are deleted.
"""

import os
import platform
import secrets
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from bench.common import results
from bench.common.run import revision
from embedded.commands import CommandError, exit_status, number_setting, print_error
from embedded.processes import supervisor
from tests.foreign.behaviours import Check
from tests.foreign.dynamodb_behaviours import try_dynamodb
from tests.foreign.installing import PACKAGES
from tests.foreign.page import render, tables
from tests.foreign.result import Behaviour, ForeignRun, Result
from tests.foreign.run import Options, run_foreign
from tests.foreign.servers import UNAVAILABLE, Pair, chosen_pairs, start
from tests.foreign.sqs_behaviours import try_sqs
from tests.pgbouncer.server import POOL_SIZES
from tests.support.system_programs import PGBOUNCER

COMMAND = "make foreign"
_SEEDS = 1_000_000
_MAX_DEFECTS_SHOWN = 20


def run_command(console: Console) -> int:
    """Return 0 if there was no defect, else 1. Raises ProcessError or CommandError."""
    pairs = chosen_pairs(os.environ.get("SERVERS", ""))
    modes = _chosen_modes(os.environ.get("POOL_MODES", ""))
    if not PGBOUNCER.find():
        raise CommandError(PGBOUNCER.how_to_install)
    logs = os.environ.get("FOREIGN_LOGS")
    options = Options(
        seed=number_setting("SEED", default=secrets.randbelow(_SEEDS)),
        events=number_setting("FOREIGN_EVENTS", default=2_000, minimum=100),
        kills=number_setting("FOREIGN_KILLS", default=10),
        logs=Path(logs).resolve() if logs else None,
    )
    # Read before the run: later commits are not part of what ran.
    commit = revision()
    console.print(f"SEED={options.seed}", highlight=False)
    for name, reason in UNAVAILABLE.items():
        console.print(f"not run: {name}: {reason}", highlight=False, soft_wrap=True)
    PACKAGES.install()
    behaviours = _behaviours(pairs)
    runs = [_run(pair, mode, options=options, console=console) for pair in pairs for mode in modes]
    result = Result(
        command=COMMAND,
        commit=commit,
        seed=options.seed,
        python=platform.python_version(),
        cores=os.cpu_count() or 0,
        versions=_used(PACKAGES.versions(["ministack"]), pairs=pairs),
        unavailable=UNAVAILABLE,
        runs=runs,
        behaviours=behaviours,
    )
    for table in tables(result).values():
        table.print_on(console)
    page = results.write(name="foreign", document=result.as_json(), page=render(result))
    console.print(f"Written: {page}", highlight=False, soft_wrap=True)
    return 0 if all(run.is_clean for run in runs) else 1


def _chosen_modes(names: str) -> list[str]:
    if unknown := set(names.split()) - POOL_SIZES.keys():
        raise CommandError(f"{', '.join(sorted(unknown))}: there are only {', '.join(POOL_SIZES)}.")
    return names.split() or list(POOL_SIZES)


def _used(found: Mapping[str, str], *, pairs: Sequence[Pair]) -> dict[str, str]:
    """Return the versions of the servers in these pairs, and of Node.js."""
    names = {"Node.js", *(name for pair in pairs for name in (pair.sqs, pair.dynamodb))}
    return {name: version for name, version in found.items() if name in names}


def _run(pair: Pair, mode: str, *, options: Options, console: Console) -> ForeignRun:
    console.print(f"{pair.name}, PgBouncer in {mode} mode ...", highlight=False)
    run, defects, exits = run_foreign(pair=pair, pool_mode=mode, options=options)
    for kind, what in defects[:_MAX_DEFECTS_SHOWN]:
        print_error(f"{kind}: {what}")
    for ended in exits:
        print_error(ended)
    console.print(
        f"{run.events:,} events, {run.kills} kills: {'no defect' if run.is_clean else 'DEFECTS'}",
        highlight=False,
    )
    return run


def _behaviours(pairs: Sequence[Pair]) -> list[Behaviour]:
    """Try the documented behaviours on each server once, and return what was found."""
    found: defaultdict[Check, dict[str, bool]] = defaultdict(dict)
    with supervisor() as processes:
        logs = processes.temporary_directory()
        for pair in pairs:
            for name, try_on in ((pair.sqs, try_sqs), (pair.dynamodb, try_dynamodb)):
                url = start(name, processes=processes, logs=logs)
                for check, does in try_on(url).items():
                    found[check][name] = does
    return [
        Behaviour(documented=check.documented, source=check.source, servers=servers)
        for check, servers in found.items()
    ]


if __name__ == "__main__":
    sys.exit(exit_status(run_command))
