"""`python -m bench.figures`: the figures of a million conversations, on an embedded PostgreSQL.

Writes bench/figures.json and docs/figures.md.
"""

import os
import sys
from pathlib import Path

from rich.console import Console

from bench.common.command import exit_status
from bench.common.revision import revision
from bench.common.subjects import PROJECT_ROOT
from bench.figures.page import render
from bench.figures.result import FiguresRun
from bench.figures_table import print_run
from demo.settings import use_settings
from embedded.environment import service_environment
from embedded.postgres import start_postgres
from embedded.processes import supervisor

COMMAND = "make bench-figures"
RESULT = PROJECT_ROOT / "bench" / "figures.json"
PAGE = PROJECT_ROOT / "docs" / "figures.md"
GOAL_MILLISECONDS = 200
_DATABASE = "figures"
# Where nothing listens: the figures come from PostgreSQL alone.
_NOWHERE = "http://127.0.0.1:9"


def main(console: Console) -> None:
    """Measure, print and write. Raises ProcessError."""
    run = _measure(console=console)
    print_run(console=console, run=run)
    RESULT.write_text(run.as_json())
    PAGE.write_text(render(run=run))


def _measure(*, console: Console) -> FiguresRun:
    with supervisor() as processes:
        directory = processes.temporary_directory()
        postgres = start_postgres(supervisor=processes, logs=directory)
        postgres.wait_until_ready()
        postgres.create_database(name=_DATABASE)
        _use(database_url=postgres.url(database=_DATABASE), directory=directory)
        return _measure_with_django(console=console)


def _measure_with_django(*, console: Console) -> FiguresRun:
    # Only now: models cannot be imported before the settings are known.
    from django.core.management import call_command
    from django.db import connection

    from bench.figures.data import make
    from bench.figures.run import circumstances, indexes, measure

    try:
        call_command("migrate", verbosity=0)
        console.print("Making the conversations and their answers")
        made = make()
        console.print(f"Measuring with {made.conversations:,} conversations")
        before = os.getloadavg()[0]
        measurements = measure(made=made)
        return FiguresRun(
            command=COMMAND,
            commit=revision(),
            load=(before, os.getloadavg()[0]),
            goal_milliseconds=GOAL_MILLISECONDS,
            indexes=indexes(),
            measurements=measurements,
            **circumstances(made),
        )
    finally:
        connection.close()


def _use(*, database_url: str, directory: Path) -> None:
    use_settings(
        service_environment(
            database_url=database_url,
            aws_endpoint_url=_NOWHERE,
            control_url="",
            lake=directory / "lake",
        )
    )


if __name__ == "__main__":
    sys.exit(exit_status(main))
