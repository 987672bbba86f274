"""Tables of the console, which a page shows and a CSV file contains."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.translation import gettext, gettext_lazy

from apps.analytics.console.buckets import Unit, name
from apps.analytics.figures import Period, texts

Value = int | float | timedelta | date | str | None

UNIT_NAMES = {
    "day": gettext_lazy("Day"),
    "week": gettext_lazy("Week"),
    "month": gettext_lazy("Month"),
    "year": gettext_lazy("Year"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: its title, and the unit of its values in a file. It may be left out of either.

    `slug` names the column in the address of a page that is ordered by it.
    """

    title: str
    unit: str = ""
    slug: str = ""
    in_page: bool = True
    in_file: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A value, and the text, the link and the note that a page shows for it."""

    value: Value
    text: str = ""
    href: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; each row has a cell for each column."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]

    @property
    def page_columns(self) -> list[Column]:
        """The columns on a page."""
        return [column for column in self.columns if column.in_page]

    @property
    def page_rows(self) -> list[list[Cell]]:
        """The cells on a page."""
        return [
            [cell for cell, column in zip(row, self.columns, strict=True) if column.in_page]
            for row in self.rows
        ]


def count_cell(number: int, *, href: str = "") -> Cell:
    """Return the cell of a whole number."""
    return Cell(value=number, text=texts.whole(number), href=href)


def percent_cell(value: float | None, *, href: str = "") -> Cell:
    """Return the cell of a percentage."""
    return Cell(value=value, text=texts.percent(value), href=href)


def signed_cell(value: float | None, *, href: str = "") -> Cell:
    """Return the cell of a number with its sign."""
    return Cell(value=value, text=texts.signed(value), href=href)


def mean_cell(value: float | None) -> Cell:
    """Return the cell of a mean."""
    return Cell(value=value, text=texts.mean(value))


def bucket_columns(per: Unit) -> tuple[Column, ...]:
    """Return the columns of `bucket_cells`: a name on a page, and dates in a file."""
    return (Column(title=str(UNIT_NAMES[per]), in_file=False), *period_columns())


def bucket_cells(bucket: Period, *, is_over: bool) -> tuple[Cell, ...]:
    """Return the cells of `bucket_columns`, which mark a bucket that is not over."""
    shown = Cell(value=None, text=bucket_name(bucket, is_over=is_over))
    return (shown, *period_cells(bucket, is_over=is_over))


def period_columns() -> tuple[Column, ...]:
    """Return the columns of `period_cells`, which only files have."""
    titles = (gettext("From"), gettext("To"), gettext("Complete"))
    return tuple(Column(title=title, in_page=False) for title in titles)


def period_cells(period: Period, *, is_over: bool) -> tuple[Cell, ...]:
    """Return the first and the last day of a period, and whether it is over."""
    return (
        Cell(value=period.first),
        Cell(value=period.last),
        Cell(value=gettext("yes") if is_over else gettext("no")),
    )


def bucket_name(bucket: Period, *, is_over: bool) -> str:
    """Return the dates of a bucket, and that it is not over if so."""
    if is_over:
        return name(bucket)
    return gettext("%(days)s (not over)") % {"days": name(bucket)}
