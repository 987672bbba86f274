"""The drill-down of a bar: the rows that it counts, a page at a time, newest first.

The rows come from the statements of the figures themselves. A page begins after the last row of the
page before, so PostgreSQL neither counts nor skips rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from django.db import connection
from psycopg2 import sql

from apps.analytics.console.queries import Query
from apps.analytics.figures.statements import (
    ANSWERS,
    CLOSINGS,
    OPENINGS,
    Row,
    run_statement,
    zones,
)
from apps.conversations.scores import CSAT_KEY, NPS_KEY

Kind = Literal["csat", "nps", "opened", "closed"]

_HOUR = "extract(hour FROM opened_at AT TIME ZONE 'UTC' + utc_offset)::int"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """The FROM and WHERE clauses of rows, and the columns that identify and order them."""

    rows: str
    key: str
    at: str
    resolution: str = "NULL"


_SOURCES: Mapping[Kind, _Source] = {
    "csat": _Source(rows=ANSWERS, key="answer.id", at="answered_at"),
    "nps": _Source(rows=ANSWERS, key="answer.id", at="answered_at"),
    "opened": _Source(rows=OPENINGS, key="conversation.uuid", at="opened_at"),
    "closed": _Source(rows=CLOSINGS, key="conversation_id", at="ended_at", resolution="resolution"),
}
_SURVEYS: Mapping[Kind, str] = {"csat": CSAT_KEY, "nps": NPS_KEY}


def drilldown_rows(
    query: Query, *, selection: Selection, after: Position | None, limit: int
) -> list[ListedRow]:
    """Return up to `limit` rows: answers (csat, nps), conversations (opened) or closings (closed).

    Raise ZoneInfoNotFoundError if a project's zone is not in the installed tz database.
    """
    source = _SOURCES[selection.of]
    conditions = [
        sql.SQL("AND {} = {}").format(sql.SQL(expression), sql.Literal(value))
        for expression, value in _conditions(selection)
        if value is not None
    ]
    if after:
        conditions.append(
            sql.SQL("AND ({}, {}) < ({}, {})").format(
                sql.SQL(source.at),
                sql.SQL(source.key),
                sql.Literal(after.at),
                sql.Literal(after.key),
            )
        )
    # `run_statement` binds the parameters of the scope and the period. These values are literals.
    statement = sql.SQL(
        "SELECT {at}, {key}, {resolution} {rows} {conditions} "
        "ORDER BY {at} DESC, {key} DESC LIMIT {limit}"
    ).format(
        at=sql.SQL(source.at),
        key=sql.SQL(source.key),
        resolution=sql.SQL(source.resolution),
        rows=sql.SQL(source.rows),
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


def _run(query: Query, statement: sql.Composed) -> list[Row]:
    connection.ensure_connection()
    return run_statement(
        statement.as_string(connection.connection),
        scope=query.scope,
        period=query.period,
        timezones=zones(scope=query.scope),
    )
