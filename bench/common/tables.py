"""Tables, charts and line breaks of pages in Markdown. Tables are printed on the terminal, too."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from textwrap import fill
from typing import TypeVar

from rich.console import Console
from rich.table import Table as RichTable

# A wider table is transposed on the terminal.
_MAX_COLUMNS = 6

Thing = TypeVar("Thing")
Figures = Mapping[str, Callable[[Thing], str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table. `str()` returns it in Markdown. Only the terminal shows the title."""

    title: str = ""
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        lines = [self.head, ["---"] * len(self.head), *self.rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)

    def print_on(self, console: Console) -> None:
        """Print the table with its title, transposed if it has many columns."""
        lines: Sequence[Sequence[str]] = [self.head, *self.rows]
        if len(self.head) > _MAX_COLUMNS:
            lines = list(zip(*lines, strict=True))
        head, *rows = lines
        table = RichTable(title=self.title or None)
        for name in head:
            table.add_column(name, overflow="fold")
        for row in rows:
            table.add_row(*row)
        console.print(table)


def in_columns(things: Mapping[str, Thing], figures: Figures[Thing], *, title: str = "") -> Table:
    """Return a table with a column for each object and a row for each figure."""
    return Table(
        title=title,
        head=["", *things],
        rows=[[name, *map(text, things.values())] for name, text in figures.items()],
    )


def in_rows(things: Iterable[Thing], figures: Figures[Thing], *, title: str = "") -> Table:
    """Return a table with a row for each object and a column for each figure."""
    return Table(
        title=title,
        head=list(figures),
        rows=[[text(thing) for text in figures.values()] for thing in things],
    )


def chart(*, title: str, values: Mapping[str, float], across: str = "") -> str:
    """Return a chart in Mermaid, which GitHub and others draw. Its y axis begins at 0.

    If `across`, the title of the x axis, is given, the chart is a line. Otherwise it has horizontal
    bars. Source: https://mermaid.js.org/syntax/xyChart.html
    """
    names = ", ".join(f'"{name}"' for name in values)
    numbers = ", ".join(f"{round(value, 3):.12g}" for value in values.values())
    lines = [
        "```mermaid",
        "xychart-beta" if across else "xychart-beta horizontal",
        f'    title "{title}"',
        f'    x-axis "{across}" [{names}]' if across else f"    x-axis [{names}]",
        f"    y-axis 0 --> {round(max(values.values()), 3) or 1:.12g}",
        f"    {'line' if across else 'bar'} [{numbers}]",
        "```",
    ]
    return "\n".join(lines)


def wrapped(page: str) -> str:
    """Return a page whose paragraphs and lists are wrapped at 100 characters."""
    return "\n\n".join(map(_wrapped_block, page.rstrip().split("\n\n"))) + "\n"


def _wrapped_block(block: str) -> str:
    if block.startswith(("#", "|", "```")):
        return block
    # Code spans are not broken.
    block = re.sub("`[^`]+`", lambda code: code[0].replace(" ", "\0"), block)
    into = partial(fill, width=100, break_on_hyphens=False, break_long_words=False)
    if block.startswith("- "):
        items = [" ".join(item.split()) for item in block.removeprefix("- ").split("\n- ")]
        lines = [into(item, initial_indent="- ", subsequent_indent="  ") for item in items]
    else:
        lines = [into(block)]
    return "\n".join(lines).replace("\0", " ")
