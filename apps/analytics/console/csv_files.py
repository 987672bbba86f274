"""CSV files that spreadsheet programs open with a double click.

A file has the separators of the language in which its page is shown. Dates are ISO 8601, which is
read everywhere.
"""

from datetime import date, timedelta

from django.http import HttpResponse
from django.utils.http import content_disposition_header
from django.utils.text import slugify

from apps.analytics.console.tables import Column, Table, Value
from apps.analytics.figures.csv_files import Form, spreadsheets, without_formula

MAX_DECIMALS = 4


def csv_response(table: Table, *, name_parts: list[str]) -> HttpResponse:
    """Return the table as a download, with a file name that begins with the table's title."""
    parts = [part for one in (table.title, *name_parts) if (part := slugify(one))]
    return HttpResponse(
        spreadsheets().beginning + as_csv(table),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": content_disposition_header(
                as_attachment=True, filename=f"{'_'.join(parts)}.csv"
            )
        },
    )


def as_csv(table: Table) -> str:
    """Return the table as CSV for spreadsheet programs in the active language, without a mark."""
    form = spreadsheets()
    places = [place for place, column in enumerate(table.columns) if column.in_file]
    head = form.line([_heading(table.columns[place]) for place in places])
    rows = (form.line([_written(row[place].value, form) for place in places]) for row in table.rows)
    return head + "".join(rows)


def _heading(column: Column) -> str:
    return f"{column.title} ({column.unit})" if column.unit else column.title


def _written(value: Value, form: Form) -> str:
    match value:
        case None:
            return ""
        case str():
            return without_formula(value)
        case date():
            return value.isoformat()
        case timedelta():
            return _number(value.total_seconds(), form)
        case int() | float():
            return _number(value, form)


def _number(value: float, form: Form) -> str:
    return form.number(f"{value:z.{MAX_DECIMALS}f}".rstrip("0").removesuffix("."))
