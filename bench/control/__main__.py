"""`python -m bench.control`: the same backlog without events, with them, and with a dead broker.

Writes bench/control.json and docs/control.md.
"""

import os
import platform
import sys
from collections import defaultdict
from importlib.metadata import version

from rich.console import Console
from rich.table import Table

from bench.common.command import exit_status
from bench.common.revision import revision
from bench.common.subjects import PROJECT_ROOT
from bench.control.backlog import KINDS, run_backlog
from bench.control.page import head, render, rows, verdict
from bench.control.result import Backlog, ControlRun, Variant
from embedded.processes import supervisor
from testbed.sqs import running_sqs_server

COMMAND = "make bench-control"
RESULT = PROJECT_ROOT / "bench" / "control.json"
PAGE = PROJECT_ROOT / "docs" / "control.md"
_ROUNDS = 5
_EVENTS = 8_000
_GROUPS = 100
_CONCURRENCY = 2


def main(console: Console) -> None:
    """Measure, print and write. Raises ProcessError."""
    run = _measure(console=console)
    _print(console=console, run=run)
    RESULT.write_text(run.as_json())
    PAGE.write_text(render(run=run))


def _measure(*, console: Console) -> ControlRun:
    load_before = os.getloadavg()[0]
    backlogs: dict[str, list[Backlog]] = defaultdict(list)
    with running_sqs_server(greedy=True) as server, supervisor() as processes:
        directory = processes.temporary_directory()
        for number in range(_ROUNDS):
            # Another one is the first in each round, so that none has the machine's warm-up.
            for kind in (*KINDS[number:], *KINDS[:number]):
                console.print(f"Round {number + 1} of {_ROUNDS}: {kind.name}")
                backlog = run_backlog(
                    kind=kind,
                    server=server,
                    processes=processes,
                    directory=directory,
                    concurrency=_CONCURRENCY,
                    events=_EVENTS,
                    groups=_GROUPS,
                )
                backlogs[kind.name].append(backlog)
    return ControlRun(
        command=COMMAND,
        commit=revision(),
        cores=os.cpu_count() or 0,
        python=platform.python_version(),
        celery=version("celery"),
        kombu=version("kombu"),
        groups=_GROUPS,
        concurrency=_CONCURRENCY,
        load=(load_before, os.getloadavg()[0]),
        variants=[Variant(name=kind.name, backlogs=backlogs[kind.name]) for kind in KINDS],
    )


def _print(*, console: Console, run: ControlRun) -> None:
    table = Table(*head(run), title=f"{_EVENTS} events, {_ROUNDS} rounds")
    for row in rows(run):
        table.add_row(*row)
    console.print(table)
    console.print(verdict(run))


if __name__ == "__main__":
    sys.exit(exit_status(main))
