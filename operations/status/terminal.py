"""The status as tables in a terminal, or as plain text in a file."""

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from operations.status import tables
from operations.status.lines import Line, Report, State

STYLES = {
    State.GOOD: "green",
    State.UNKNOWN: "dim",
    State.WARNING: "yellow",
    State.BAD: "bold red",
}
# The tables that say more than the sentences of their lines.
SHOWN_TABLES = ("workers", "held_events")


def show(report: Report, *, console: Console) -> None:
    """Print the report."""
    console.print(_headline(report))
    console.print(_lines(report))
    for table in tables.tables(report):
        if table.name in SHOWN_TABLES:
            console.print(Group(Text(), Text(table.title, style="bold"), _details(table)))
    wrong = [line for line in report.lines if line.command]
    if wrong:
        console.print("\nWhat to do:")
    for command, lines in _by_command(wrong).items():
        titles = ", ".join(line.title for line in lines)
        console.print(f"  {titles}:")
        # The line is not wrapped, and has no markup, so that the command can be copied.
        console.print(f"    {command}", soft_wrap=True, markup=False)


def _headline(report: Report) -> RenderableType:
    counts = ", ".join(f"{report.count(state)} {state}" for state in reversed(State))
    read = f"{report.read_at:%Y-%m-%d %H:%M:%S} UTC"
    return Text.assemble((report.state.upper(), STYLES[report.state]), f"  {counts}  ({read})")


def _lines(report: Report) -> RenderableType:
    grid = Table.grid("state", "title", "sentence", padding=(0, 1))
    grid.columns[0].min_width = max(len(state) for state in State)
    for line in report.lines:
        grid.add_row(
            Text(line.state, style=STYLES[line.state]),
            Text(line.title),
            Text(line.sentence, overflow="fold"),
        )
    return grid


def _details(table: tables.Table) -> RenderableType:
    grid = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
    for number, name in enumerate(table.head):
        # The first column has the name of the row, which can be copied if it is not wrapped.
        grid.add_column(name, overflow="fold", no_wrap=number == 0)
    for row in table.rows:
        grid.add_row(*(Text(cell, overflow="fold") for cell in row))
    return grid


def _by_command(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """Return the lines by command, the bad ones first."""
    found: dict[str, list[Line]] = {}
    for line in sorted(lines, key=lambda line: line.state is not State.BAD):
        found.setdefault(line.command, []).append(line)
    return found
