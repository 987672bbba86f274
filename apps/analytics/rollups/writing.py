"""The statements that write rollups. Their callers hold the lock (`watching.locked`)."""

from collections.abc import Collection, Iterable
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from apps.analytics.figures.parts import PARTS
from apps.analytics.figures.periods import Span
from apps.analytics.figures.scopes import span_parameters
from apps.analytics.figures.sources import ROLLUPS, ROLLUPS_BY_ID


class ProjectDay(NamedTuple):
    """A local day of a project."""

    project: UUID
    day: date


MAX_DAYS_ADDED_UP = 31

Pieces = Iterable[tuple[UUID, Span]]

PIECE = """
piece AS (
    SELECT * FROM unnest(
        %(projects)s::uuid[], %(starts)s::timestamptz[], %(ends)s::timestamptz[],
        %(offsets)s::interval[]
    ) AS piece (project_id, starts_at, ends_at, utc_offset)
)
"""
PAIR = "unnest(%(of_projects)s::uuid[], %(of_days)s::date[]) AS pair (project_id, day)"
_INSERT = """
INSERT INTO analytics_dailyrollup (
    project_id, channel_uuid, day, of_deleted, measures, measured_values, numbers
)
SELECT project_id, channel_uuid, day, %(of_deleted)s,
    array_agg(measure ORDER BY measure, value), array_agg(value ORDER BY measure, value),
    array_agg(number ORDER BY measure, value)
FROM summed GROUP BY 1, 2, 3
RETURNING day
"""
_ADD = f"""
WITH {PIECE}, {ROLLUPS}, summed AS (
    SELECT project_id, channel_uuid, day, measure, value, sum(number) AS number
    FROM measured GROUP BY 1, 2, 3, 4, 5
) {_INSERT}
"""  # noqa: S608 (constants)
# Adds to the rows that exist: those of the projects and those of all, which have neither a project
# nor a channel.
_ADD_DELETED = f"""
WITH {PIECE}, {ROLLUPS_BY_ID}, added AS (
    SELECT project_id, channel_uuid, day, measure, value, number FROM measured
    UNION ALL
    SELECT NULL, NULL, day, measure, value, number FROM measured
), earlier AS (
    DELETE FROM analytics_dailyrollup WHERE id = ANY(ARRAY(
        SELECT rollup.id
        FROM (SELECT DISTINCT project_id, channel_uuid, day FROM added) AS changed
        CROSS JOIN LATERAL (
            SELECT id FROM analytics_dailyrollup
            WHERE of_deleted AND day = changed.day AND project_id = changed.project_id
                AND channel_uuid = changed.channel_uuid
            UNION ALL
            SELECT id FROM analytics_dailyrollup
            WHERE of_deleted AND day = changed.day AND project_id IS NULL
                AND changed.project_id IS NULL
        ) AS rollup
    )) RETURNING *
), part AS (
    SELECT project_id, channel_uuid, day, measure, value, number FROM added
    UNION ALL
    SELECT project_id, channel_uuid, day, {PARTS} FROM earlier
), summed AS (
    SELECT project_id, channel_uuid, day, measure, value, sum(number) AS number
    FROM part GROUP BY 1, 2, 3, 4, 5
) {_INSERT}
"""  # noqa: S608 (constants)
_DELETE = f"""
DELETE FROM analytics_dailyrollup AS rollup USING {PAIR}
WHERE rollup.project_id = pair.project_id AND rollup.day = pair.day AND NOT of_deleted
"""  # noqa: S608 (constants)
_DELETE_TOTALS = """
DELETE FROM analytics_dailyrollup
WHERE project_id IS NULL AND day = ANY(%(days)s::date[]) AND NOT of_deleted
"""
_ADD_TOTALS = f"""
WITH part AS (
    SELECT day, {PARTS} FROM analytics_dailyrollup
    WHERE project_id IS NOT NULL AND day = ANY(%(days)s::date[]) AND NOT of_deleted
), summed AS (
    SELECT NULL::uuid AS project_id, NULL::uuid AS channel_uuid, day, measure, value,
        sum(number) AS number
    FROM part GROUP BY 3, 4, 5
) {_INSERT}
"""  # noqa: S608 (constants)


def add(pieces: Pieces) -> set[date]:
    """Roll up the rows of these pieces, and return the days that have any.

    Rollups of these days must not exist.
    """
    parameters = {**piece_parameters(pieces), "channel": None, "of_deleted": False}
    with connection.cursor() as cursor:
        cursor.execute(_ADD, parameters)
        return {day for (day,) in cursor.fetchall()}


def add_deleted(
    pieces: Pieces, *, conversations: Collection[UUID], answers: Collection[int]
) -> None:
    """Roll up rows that are about to be deleted, also for all projects together.

    The answers of the conversations are included. The pieces must cover the times of all rows.
    """
    parameters = {
        **piece_parameters(pieces),
        "conversations": list(conversations),
        "answers": list(answers),
        "of_deleted": True,
    }
    with connection.cursor() as cursor:
        # PostgreSQL would read a small table as a whole for each row of the page.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(_ADD_DELETED, parameters)


def delete(pairs: Collection[ProjectDay]) -> None:
    """Delete the rollups of these days, but not those of deleted rows."""
    _execute(_DELETE, pair_parameters(pairs))


def add_up(days: Collection[date]) -> None:
    """Add up the rollups of all projects on these days."""
    in_order = sorted(days)
    # Each statement ends within the time limit of the role, however many days there are.
    for first in range(0, len(in_order), MAX_DAYS_ADDED_UP):
        parameters = {"days": in_order[first : first + MAX_DAYS_ADDED_UP], "of_deleted": False}
        _execute(_DELETE_TOTALS, parameters)
        _execute(_ADD_TOTALS, parameters)


def piece_parameters(pieces: Pieces) -> dict[str, Any]:
    """Return the parameters of `PIECE`."""
    listed = list(pieces)
    return {
        "projects": [project for project, _ in listed],
        **span_parameters(span for _, span in listed),
    }


def pair_parameters(pairs: Collection[ProjectDay]) -> dict[str, Any]:
    """Return the parameters of `PAIR`."""
    return {
        "of_projects": [pair.project for pair in pairs],
        "of_days": [pair.day for pair in pairs],
    }


def _execute(statement: str, parameters: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
