"""The result on the terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from bench.closing.page import live_rows, storm_rows, sweep_rows
from bench.closing.result import ClosingRun


def print_run(*, console: Console, run: ClosingRun) -> None:
    """The rows of the page."""
    _print(console, ("sweep", "found", "goal"), sweep_rows(run))
    _print(console, ("closing", "found"), storm_rows(run))
    _print(console, ("live messages", "alone", "while closing", "ratio"), live_rows(run))
    before, after = run.load
    console.print(f"Load average: {before:.1f} to {after:.1f}.")


def _print(console: Console, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(head[0])
    for name in head[1:]:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*row)
    console.print(table)
