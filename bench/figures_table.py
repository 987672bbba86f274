"""The result on the terminal."""

from rich.console import Console
from rich.table import Table

from bench.figures.page import time_cells
from bench.figures.result import FiguresRun


def print_run(*, console: Console, run: FiguresRun) -> None:
    """The times; what is beyond the goal is marked."""
    table = Table("scope", "selector", title=f"{run.conversations:,} conversations")
    for name in ("counted", "median ms", "slowest ms"):
        table.add_column(name, justify="right")
    for one in run.measurements:
        beyond = one.median > run.goal_milliseconds
        table.add_row(*time_cells(one), style="red" if beyond else None)
    console.print(table)
    before, after = run.load
    console.print(
        f"The goal is {run.goal_milliseconds} ms. Load average: {before:.1f} to {after:.1f}."
    )
