"""What a bar counts: the very rows of the figures' statements, a page at a time, newest first.

Pages begin after the last row of the page before, so that no page has to count or skip any.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from django.db import connection
from psycopg2 import sql

from apps.analytics.console.queries import Query
from apps.analytics.figures.statements import ANSWERS, CLOSINGS, OPENINGS, Row, ask, zones
from apps.conversations.models import CSAT_KEY, NPS_KEY

Kind = Literal["csat", "nps", "opened", "closed"]

_HOUR = "extract(hour FROM opened_at AT TIME ZONE 'UTC' + utc_offset)::int"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a page ends: the time and the key of its last row."""

    at: datetime
    key: int | UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which rows of a period a bar counts; None: all."""

    of: Kind
    score: int | None = None
    hour: int | None = None
    resolution: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """The statement of the figures, and what its rows are told apart and put in order by."""

    statement: str
    key: str
    at: str


_SOURCES: Mapping[Kind, _Source] = {
    "csat": _Source(statement=ANSWERS, key="answer.id", at="answered_at"),
    "nps": _Source(statement=ANSWERS, key="answer.id", at="answered_at"),
    "opened": _Source(statement=OPENINGS, key="conversation.uuid", at="opened_at"),
    "closed": _Source(statement=CLOSINGS, key="conversation.uuid", at="ended_at"),
}
_SURVEYS: Mapping[Kind, str] = {"csat": CSAT_KEY, "nps": NPS_KEY}


def drilldown_rows(
    query: Query, *, selection: Selection, after: Position | None, limit: int
) -> list[Position]:
    """Keys and times of what is counted: of answers (csat, nps) or of conversations.

    Raises ZoneInfoNotFoundError as the figures do.
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
    # `ask` binds the parameters of the scope and the period; these are written as literals.
    statement = sql.SQL(
        "SELECT {at}, {key} {counted} {conditions} ORDER BY {at} DESC, {key} DESC LIMIT {limit}"
    ).format(
        at=sql.SQL(source.at),
        key=sql.SQL(source.key),
        counted=sql.SQL(_counted(source.statement)),
        conditions=sql.SQL(" ").join(conditions),
        limit=sql.Literal(limit),
    )
    return [Position(at=at, key=key) for at, key in _ask(query, statement)]


def _conditions(selection: Selection) -> list[tuple[str, str | int | None]]:
    return [
        ("key", _SURVEYS.get(selection.of)),
        ("score", selection.score),
        (_HOUR, selection.hour),
        ("resolution", selection.resolution),
    ]


def _counted(statement: str) -> str:
    """The FROM and WHERE of a statement of the figures: the rows that it counts."""
    return statement[statement.index("FROM span") : statement.rindex("GROUP BY")]


def _ask(query: Query, statement: sql.Composed) -> list[Row]:
    connection.ensure_connection()
    return ask(
        statement.as_string(connection.connection),
        scope=query.scope,
        period=query.period,
        timezones=zones(scope=query.scope),
    )
