"""A run in the terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from tests.chaos.result import ChaosRun
from tests.chaos.rows import fault_rows, latency_rows, summary_rows


def print_run(*, console: Console, run: ChaosRun) -> None:
    """Three tables and a verdict."""
    faults = ("fault", "times", "backlog before", "highest", "back after")
    console.print(_table(faults, fault_rows(run)))
    console.print(_table(("events", "", "p50", "p99"), latency_rows(run)))
    console.print(_table(("", ""), summary_rows(run)))
    console.print(f"seed {run.seed}: " + ("no defect" if run.is_clean else "DEFECTS"))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(*head)
    for row in rows:
        table.add_row(*row)
    return table
