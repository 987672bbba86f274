"""The figures as CSV: those of a scope, and those of each project and day (RFC 4180)."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from apps.analytics.figures.daily import FIGURES, KEYS, ProjectDay, column
from apps.analytics.figures.documents import COLUMNS, as_text

# A spreadsheet takes a cell that begins so for a formula (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001


def of_scope(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a CSV file with the rows of `documents.as_rows`, for tools of a shell."""
    yield _line(COLUMNS, ending="\n")
    for row in rows:
        yield _line(row, ending="\n")


def wide(days: Iterable[ProjectDay]) -> Iterator[str]:
    """Yield the lines of a CSV file with a row for each project and day."""
    yield _line([*KEYS, *map(column, FIGURES)])
    for day in days:
        yield _line([*_keys(day), *(as_text(day.values[name]) for name in FIGURES)])


def long(days: Iterable[ProjectDay]) -> Iterator[str]:
    """Yield the lines of a CSV file with a row for each project, day and figure."""
    yield _line([*KEYS, "figure", "value"])
    for day in days:
        keys = _keys(day)
        for name in FIGURES:
            yield _line([*keys, name, as_text(day.values[name])])


def _keys(day: ProjectDay) -> list[str]:
    """Return the cells of `KEYS`."""
    channel = str(day.channel or "")
    return [
        str(day.project),
        without_formula(day.project_name),
        day.timezone,
        channel,
        day.day.isoformat(),
    ]


def without_formula(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe may be put before it."""
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


class _Line:
    """A file that returns what is written to it."""

    def write(self, text: str) -> str:
        return text


def _line(cells: Sequence[str], *, ending: str = "\r\n") -> str:
    line: Any = csv.writer(_Line(), lineterminator=ending).writerow(cells)
    return str(line)
