"""The drill-down of a bar: the rows that it counts, a page at a time, newest first.

`figures.rows` describes the rows, for the figures and for these lists. A page begins after the last
row of the page before, so PostgreSQL neither counts nor skips rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from django.db import connection
from psycopg2 import sql

from apps.analytics.console.queries import Query
from apps.analytics.figures.lists import ANSWERS, CLOSINGS, OPENINGS, run_list
from apps.analytics.figures.scopes import Row
from apps.conversations.scores import CSAT_KEY, NPS_KEY

Kind = Literal["csat", "nps", "opened", "closed"]

_HOUR = "extract(hour FROM item.at AT TIME ZONE 'UTC' + utc_offset)::int"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The time and the key of a row. A page begins after the last position of the page before."""

    at: datetime
    key: int | UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRow(Position):
    """The position of a row, and the resolution of a closing; None for other rows."""

    resolution: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Conditions on the rows that a bar counts; None means no condition."""

    of: Kind
    score: int | None = None
    hour: int | None = None
    resolution: int | None = None
    outreach: int | None = None


_ROWS: Mapping[Kind, str] = {
    "csat": ANSWERS,
    "nps": ANSWERS,
    "opened": OPENINGS,
    "closed": CLOSINGS,
}
_SURVEYS: Mapping[Kind, str] = {"csat": CSAT_KEY, "nps": NPS_KEY}


def drilldown_rows(
    query: Query, *, selection: Selection, after: Position | None, limit: int
) -> list[ListedRow]:
    """Return up to `limit` rows: answers (csat, nps), conversations (opened) or closings (closed).

    Raise ZoneInfoNotFoundError if a project's zone is not in the installed tz database.
    """
    conditions = [
        sql.SQL("AND {} = {}").format(sql.SQL(expression), sql.Literal(value))
        for expression, value in _conditions(selection)
        if value is not None
    ]
    if after:
        conditions.append(
            sql.SQL("AND (item.at, item.row_key) < ({}, {})").format(
                sql.Literal(after.at), sql.Literal(after.key)
            )
        )
    # `run_list` binds the parameters of the scope and the period. These values are literals.
    statement = sql.SQL(
        "SELECT item.at, item.row_key, {resolution} {rows} {conditions} "
        "ORDER BY item.at DESC, item.row_key DESC LIMIT {limit}"
    ).format(
        resolution=sql.SQL("item.resolution" if selection.of == "closed" else "NULL"),
        rows=sql.SQL(_ROWS[selection.of]),
        conditions=sql.SQL(" ").join(conditions),
        limit=sql.Literal(limit),
    )
    return [
        ListedRow(at=at, key=key, resolution=resolution)
        for at, key, resolution in _run(query, statement)
    ]


def _conditions(selection: Selection) -> list[tuple[str, str | int | None]]:
    return [
        ("key", _SURVEYS.get(selection.of)),
        ("score", selection.score),
        (_HOUR, selection.hour),
        ("resolution", selection.resolution),
        ("(written_at IS NULL)::int", selection.outreach),
    ]


def _run(query: Query, statement: sql.Composed) -> Sequence[Row]:
    connection.ensure_connection()
    return run_list(
        statement.as_string(connection.connection), scope=query.scope, period=query.period
    )
