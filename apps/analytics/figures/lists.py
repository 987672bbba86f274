"""Lists of the rows that a figure counts, from the descriptions that the figures use (`rows`)."""

from collections.abc import Sequence

from django.db import connection

from apps.analytics.figures.periods import Period
from apps.analytics.figures.results import Scope
from apps.analytics.figures.rows import ANSWERED, CLOSED, CLOSED_EARLIER, OPENED, Rows
from apps.analytics.figures.scopes import SPAN, Row, scope_parameters, spans_of


def _listed(*tables: Rows, columns: str) -> str:
    """Return the FROM and WHERE clauses of the rows of these tables, as `item`.

    An item has the columns `row_key`, `at` and `channel_uuid`, and those for conditions.
    """
    items = " UNION ALL ".join(
        f"SELECT {rows.key} AS row_key, {rows.at} AS at, project_id, channel_uuid, {columns} "  # noqa: S608 (constants)
        f"FROM {rows.table} AS item {_where(rows)}"
        for rows in tables
    )
    return f"""
FROM span JOIN ({items}) AS item ON item.project_id = span.project_id
    AND item.at >= span.starts_at AND item.at < span.ends_at
WHERE item.at >= %(since)s AND item.at < %(until)s
    AND (%(channel)s::uuid IS NULL OR item.channel_uuid = %(channel)s)
"""


def _where(rows: Rows) -> str:
    # PostgreSQL reads a part of a UNION ALL in the order of an index only if the part has no WHERE
    # clause, not even one that is always true.
    return f"WHERE {rows.where}" if rows.where else ""


ANSWERS = _listed(ANSWERED, columns="key, score")
OPENINGS = _listed(OPENED, columns="written_at")
CLOSINGS = _listed(CLOSED, CLOSED_EARLIER, columns="resolution, written_at")


def run_list(statement: str, *, scope: Scope, period: Period) -> Sequence[Row]:
    """Return the rows of a statement that reads ANSWERS, OPENINGS or CLOSINGS.

    Raise ZoneInfoNotFoundError for a zone that the installed tz database does not have.
    """
    chosen = spans_of(scope=scope, period=period)
    parameters = {
        **scope_parameters(scope, chosen=chosen),
        # With constant bounds, the planner can estimate how many rows a period has.
        "since": min((span.starts_at for span in chosen), default=None),
        "until": max((span.ends_at for span in chosen), default=None),
    }
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {SPAN} {statement}", parameters)
        rows: list[Row] = cursor.fetchall()
    return rows
