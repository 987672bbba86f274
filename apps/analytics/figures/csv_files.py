"""The figures as CSV: those of a scope, and those of each project and day (RFC 4180).

A spreadsheet program reads a file with the separators of its own language: where decimals have a
comma, lists have a semicolon. LibreOffice takes commas, semicolons and tabs for the ends of cells
in any language, so a cell with any of them is in quotes, and numbers are no exception.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.utils.formats import get_format

from apps.analytics.figures.daily import FIGURES, KEYS, ProjectDay, column
from apps.analytics.figures.documents import COLUMNS, Value

# A spreadsheet takes a cell that begins so for a formula (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001
_QUOTED = re.compile(r'[",;\t\r\n]')
_BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The separators of a file, the ends of its lines, and what it begins with."""

    separator: str = ","
    decimal: str = "."
    ending: str = "\r\n"
    beginning: str = ""

    def line(self, cells: Sequence[str]) -> str:
        """Return a line with these cells."""
        line = self.separator.join(cells)
        # Most lines have no such character but the separators.
        if len(_QUOTED.findall(line)) >= len(cells):
            line = self.separator.join(map(_cell, cells))
        return line + self.ending

    def number(self, value: Value | str) -> str:
        """Return a number, or the text of one with a decimal point, in this form; "" for None."""
        return "" if value is None else str(value).replace(".", self.decimal)


PROGRAMS = Form()
_SHELL = Form(ending="\n")


def spreadsheets() -> Form:
    """Return the form for spreadsheet programs in the active language.

    A byte order mark tells them that the file is in UTF-8.
    """
    decimal = str(get_format("DECIMAL_SEPARATOR"))
    return Form(
        separator=";" if decimal == "," else ",", decimal=decimal, beginning=_BYTE_ORDER_MARK
    )


def of_scope(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a CSV file with the rows of `documents.as_rows`, for tools of a shell."""
    yield _SHELL.line(COLUMNS)
    yield from map(_SHELL.line, rows)


def wide(days: Iterable[ProjectDay], form: Form) -> Iterator[str]:
    """Yield the lines of a CSV file with a row for each project and day."""
    yield form.beginning + form.line([*KEYS, *map(column, FIGURES)])
    for day in days:
        yield form.line([*_keys(day), *(form.number(day.values[name]) for name in FIGURES)])


def long(days: Iterable[ProjectDay], form: Form) -> Iterator[str]:
    """Yield the lines of a CSV file with a row for each project, day and figure."""
    yield form.beginning + form.line([*KEYS, "figure", "value"])
    for day in days:
        keys = _keys(day)
        for name in FIGURES:
            yield form.line([*keys, name, form.number(day.values[name])])


def without_formula(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe may be put before it."""
    return f"'{text}" if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA) else text


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


def _cell(text: str) -> str:
    if not _QUOTED.search(text):
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
