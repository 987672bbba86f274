"""CSV files that spreadsheet programs open with a double click.

A program reads a file with the separators of its own language: where decimals have a comma, lists
have a semicolon. So a file has the separators of the language in which its page is shown. A byte
order mark tells programs that the file is in UTF-8. Dates are ISO 8601, which is read everywhere.
"""

import csv
import io
from datetime import date, timedelta

from django.http import HttpResponse
from django.utils.formats import get_format
from django.utils.http import content_disposition_header
from django.utils.text import slugify

from apps.analytics.console.tables import Column, Table, Value
from apps.analytics.figures.csv_files import without_formula

BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
MAX_DECIMALS = 4


def csv_response(table: Table, *, name_parts: list[str]) -> HttpResponse:
    """Return the table as a download, with a file name that begins with the table's title."""
    parts = [part for one in (table.title, *name_parts) if (part := slugify(one))]
    return HttpResponse(
        BYTE_ORDER_MARK + as_csv(table),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": content_disposition_header(
                as_attachment=True, filename=f"{'_'.join(parts)}.csv"
            )
        },
    )


def as_csv(table: Table) -> str:
    """Return the table as CSV, with the separators of the active language."""
    decimal_separator = str(get_format("DECIMAL_SEPARATOR"))
    places = [place for place, column in enumerate(table.columns) if column.in_file]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";" if decimal_separator == "," else ",")
    writer.writerow(_heading(table.columns[place]) for place in places)
    for row in table.rows:
        writer.writerow(_written(row[place].value, decimal_separator) for place in places)
    return text.getvalue()


def _heading(column: Column) -> str:
    return f"{column.title} ({column.unit})" if column.unit else column.title


def _written(value: Value, decimal_separator: str) -> str:
    match value:
        case None:
            return ""
        case str():
            return without_formula(value)
        case date():
            return value.isoformat()
        case timedelta():
            return _number(value.total_seconds(), decimal_separator)
        case int() | float():
            return _number(value, decimal_separator)


def _number(value: float, decimal_separator: str) -> str:
    written = f"{value:z.{MAX_DECIMALS}f}".rstrip("0").removesuffix(".")
    return written.replace(".", decimal_separator)
