"""Comparing rollups with the rows that they were made of."""

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Min

from apps.analytics.figures.parts import PARTS
from apps.analytics.figures.periods import Period
from apps.analytics.figures.sources import ROLLUPS
from apps.analytics.rollup_models import DailyRollup, RollupState
from apps.analytics.rollups.filling import first_day, spans_of
from apps.analytics.rollups.writing import (
    PAIR,
    PIECE,
    ProjectDay,
    pair_parameters,
    piece_parameters,
)

# Half are days with rollups, and half any days of which there should be some if there are rows.
_SAMPLE = """
(
    SELECT project_id, day FROM analytics_dailyrollup
    WHERE project_id IS NOT NULL AND NOT of_deleted ORDER BY random() LIMIT %(size)s / 2
)
UNION
(
    SELECT project_id, complete_before - 1 - floor(random() * %(within)s)::int
    FROM analytics_rollupstate CROSS JOIN generate_series(1, %(size)s)
    ORDER BY random() LIMIT %(size)s / 2
)
"""
_WITHIN_DAYS = 365
_PAGE_DAYS = 31

_DIFFERENCES = f"""
WITH {PIECE}, {ROLLUPS}, pair AS (SELECT * FROM {PAIR}), expected AS (
    SELECT project_id, channel_uuid, day, measure, value, sum(number) AS number
    FROM measured GROUP BY 1, 2, 3, 4, 5 HAVING sum(number) <> 0
), found AS (
    SELECT project_id, channel_uuid, day, {PARTS}
    FROM pair JOIN analytics_dailyrollup USING (project_id, day) WHERE NOT of_deleted
), marked AS (
    SELECT DISTINCT mark.project_id, (mark.at AT TIME ZONE 'UTC' + utc_offset)::date AS day
    FROM piece JOIN analytics_rollupmark AS mark ON mark.project_id = piece.project_id
        AND mark.at >= starts_at AND mark.at < ends_at
), part AS (
    SELECT project_id IS NULL AS is_total, of_deleted, day, {PARTS}
    FROM analytics_dailyrollup WHERE day = ANY(%(of_days)s::date[])
)
SELECT DISTINCT project_id, day FROM (
    (TABLE expected EXCEPT TABLE found) UNION ALL (TABLE found EXCEPT TABLE expected)
) AS different
JOIN analytics_rollupstate AS state USING (project_id)
WHERE day < state.complete_before AND NOT EXISTS (
    SELECT FROM marked WHERE marked.project_id = different.project_id
        AND marked.day = different.day
)
UNION
SELECT NULL, day FROM part
GROUP BY of_deleted, day, measure, value
HAVING sum(CASE WHEN is_total THEN number ELSE -number END) <> 0
"""  # noqa: S608 (constants)


def sample(*, size: int) -> list[ProjectDay]:
    """Return random days of random projects that have been rolled up, at most so many."""
    with connection.cursor() as cursor:
        cursor.execute(_SAMPLE, {"size": size, "within": _WITHIN_DAYS})
        return [ProjectDay(project, day) for project, day in cursor.fetchall()]


def days_of(project: UUID) -> Iterator[list[ProjectDay]]:
    """Yield all days of a project that have been rolled up, a month at a time."""
    state = RollupState.objects.select_related("project").filter(pk=project).first()
    if state is None:
        return
    stored = DailyRollup.objects.filter(project=project).aggregate(first=Min("day"))["first"]
    until = state.complete_before
    day = min(stored or until, first_day(state.project, until=until))
    while day < until:
        page = min(_PAGE_DAYS, (until - day).days)
        yield [ProjectDay(project, day + timedelta(days=number)) for number in range(page)]
        day += timedelta(days=page)


def differences(pairs: Collection[ProjectDay]) -> list[tuple[UUID | None, date]]:
    """Return those of these days whose rollups do not equal the rows, with their projects.

    Days that have changed since they were rolled up, or are not rolled up, do not count. A project
    of None means that the sum of all projects on this day is not the sum of its rollups.
    """
    states = RollupState.objects.in_bulk({pair.project for pair in pairs})
    pieces = [
        (pair.project, span)
        for pair in pairs
        if pair.project in states
        for span in spans_of(Period(first=pair.day, last=pair.day), states[pair.project].timezone)
    ]
    parameters = {**piece_parameters(pieces), **pair_parameters(pairs), "channel": None}
    with connection.cursor() as cursor:
        cursor.execute(_DIFFERENCES, parameters)
        return sorted(cursor.fetchall(), key=str)
