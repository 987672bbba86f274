"""The result on the terminal."""

from rich.console import Console
from rich.table import Table

from bench.rows import FIFO, STOCK, fault_rows, load_rows
from bench.transport.result import Run


def print_run(*, console: Console, run: Run) -> None:
    """Two tables: the load, and the faults."""
    load = Table("", STOCK, FIFO, title=f"{run.stock.sent} events of {run.groups} groups")
    for row in load_rows(run):
        load.add_row(*row)
    console.print(load)
    faults = Table("", STOCK, FIFO, title="faults, each alone")
    for pair in run.faults:
        faults.add_row(pair.fault, style="bold")
        for row in fault_rows(pair):
            faults.add_row(*row)
        faults.add_section()
    console.print(faults)
