"""The SQL statement that returns the parts of the figures of a scope and a period.

It adds the daily rollups and, for days that have none or that changed since, the rows themselves.
All this is one statement, so that it sees one state of the database: a day cannot count twice or be
left out because it is rolled up at the same moment. See ADR 40.
"""

from django.db import connection, transaction

from apps.analytics.figures.measures import LENGTHS, TIMES
from apps.analytics.figures.periods import Period
from apps.analytics.figures.results import Scope
from apps.analytics.figures.scopes import SPAN, Row, scope_parameters, spans_of
from apps.analytics.figures.sources import BY_CHANNEL, BY_PROJECT, FIGURES, FIGURES_BY_DAY

# `rolled`: the projects that have rollups, by the present time zone, of all days before a day.
# `moved`: those whose rollups are by a former time zone.
# `changed`: the days of these rollups that changed since.
# `piece`: what has to be read from the rows.
_PIECES = f"""
WITH {SPAN}, rolled AS (
    SELECT state.project_id, state.complete_before
    FROM analytics_rollupstate AS state JOIN conversations_project AS project
        ON project.uuid = state.project_id AND project.timezone = state.timezone
), moved AS MATERIALIZED (
    SELECT state.project_id
    FROM analytics_rollupstate AS state JOIN conversations_project AS project
        ON project.uuid = state.project_id AND project.timezone <> state.timezone
    WHERE %(project)s::uuid IS NULL OR project.uuid = %(project)s
), changed AS MATERIALIZED (
    SELECT DISTINCT span.project_id, (at AT TIME ZONE 'UTC' + utc_offset)::date AS day
    FROM analytics_rollupmark AS mark JOIN span ON span.project_id = mark.project_id
        AND at >= starts_at AND at < ends_at
    JOIN rolled ON rolled.project_id = mark.project_id
        AND (at AT TIME ZONE 'UTC' + utc_offset)::date < complete_before
), piece AS MATERIALIZED (
    SELECT project_id, begins.at AS starts_at, ends_at, utc_offset
    FROM span LEFT JOIN rolled USING (project_id)
    CROSS JOIN LATERAL (
        SELECT greatest(starts_at, (complete_before - utc_offset) AT TIME ZONE 'UTC') AS at
    ) AS begins
    WHERE begins.at < ends_at
    UNION ALL
    SELECT project_id, bounds.since, bounds.until, utc_offset
    FROM changed JOIN span USING (project_id)
    CROSS JOIN LATERAL (
        SELECT greatest(starts_at, (day - utc_offset) AT TIME ZONE 'UTC') AS since,
            least(ends_at, (day + interval '1 day' - utc_offset) AT TIME ZONE 'UTC') AS until
    ) AS bounds
    WHERE bounds.since < bounds.until
)
"""  # noqa: S608 (constants)

_IN_PERIOD = "rollup.day BETWEEN %(first)s AND %(last)s"
_OF_CHANNEL = "(%(channel)s::uuid IS NULL OR rollup.channel_uuid = %(channel)s)"
# A rollup of all projects has neither a project nor a channel.
_OF_ALL = "rollup.project_id IS NULL"

# Compiling statements as long as these takes longer than running them (PostgreSQL, "When to JIT").
WITHOUT_JIT = "SET LOCAL jit = off"

# The arrays of rollups as rows. Functions in the list of columns run in step, and are much faster
# than as a table.
PARTS = "unnest(measures) AS measure, unnest(measured_values) AS value, unnest(numbers) AS number"

# The rollups of the scope, minus those of days that changed or of a former time zone. What comes
# from deleted rows stays, because the rows cannot tell it any more. All is added up by `key`, a
# column of rollups and of `measured`.
_SUMS = f"""
, rollup AS (
    SELECT rollup.*, 1 AS sign FROM analytics_dailyrollup AS rollup
    WHERE {{chosen}} AND {_IN_PERIOD}
    UNION ALL
    SELECT rollup.*, -1 FROM changed CROSS JOIN LATERAL (
        SELECT * FROM analytics_dailyrollup AS rollup
        WHERE rollup.project_id = changed.project_id AND rollup.day = changed.day
            AND NOT rollup.of_deleted AND {_OF_CHANNEL}
        OFFSET 0
    ) AS rollup
    UNION ALL
    SELECT rollup.*, -1 FROM moved CROSS JOIN LATERAL (
        SELECT * FROM analytics_dailyrollup AS rollup
        WHERE rollup.project_id = moved.project_id AND {_IN_PERIOD}
            AND NOT rollup.of_deleted AND {_OF_CHANNEL}
        OFFSET 0
    ) AS rollup
), listed AS (
    SELECT {{key}}, sign, {PARTS} FROM rollup
), part AS (
    SELECT {{key}}, measure, value, sign * number AS number FROM listed
    UNION ALL
    SELECT {{key}}, measure, value, number::int FROM measured
)
SELECT {{summed_by}}, measure, value, sum(number) FROM part GROUP BY 1, 2, 3 HAVING sum(number) <> 0
"""  # noqa: S608 (constants)


def parts(*, scope: Scope, period: Period, times_by_day: bool) -> list[Row]:
    """Return the parts of the figures: day, measure, value and number.

    The day is None for lengths, and also for times unless they are read `times_by_day`.
    """
    of_period = LENGTHS if times_by_day else (*LENGTHS, *TIMES)
    without_day = ", ".join(f"{measure:d}" for measure in of_period)
    sums = _SUMS.format(
        chosen=_chosen(scope),
        key="day",
        summed_by=f"CASE WHEN measure NOT IN ({without_day}) THEN day END",
    )
    measured = FIGURES_BY_DAY if times_by_day else FIGURES
    return _run(f"{measured} {sums}", scope=scope, period=period)


def parts_by_project(*, scope: Scope, period: Period) -> list[Row]:
    """Return the parts of the whole period: project, measure, value and number."""
    chosen, key = _chosen_projects(scope), "project_id"
    sums = _SUMS.format(chosen=chosen, key=key, summed_by=key)
    return _run(f"{BY_PROJECT} {sums}", scope=scope, period=period)


def parts_by_channel(*, scope: Scope, period: Period) -> list[Row]:
    """Return the parts of the whole period: channel, measure, value and number."""
    sums = _SUMS.format(
        chosen=_chosen_projects(scope), key="channel_uuid", summed_by="channel_uuid"
    )
    return _run(f"{BY_CHANNEL} {sums}", scope=scope, period=period)


def _run(statement: str, *, scope: Scope, period: Period) -> list[Row]:
    """Return the rows of a statement that begins after `_PIECES`."""
    parameters = {
        **scope_parameters(scope, chosen=spans_of(scope=scope, period=period)),
        "first": period.first,
        "last": period.last,
    }
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute(WITHOUT_JIT)
        cursor.execute(f"{_PIECES}, {statement}", parameters)
        rows: list[Row] = cursor.fetchall()
    return rows


def _chosen(scope: Scope) -> str:
    """Return the condition for the coarsest rollups that add up to the scope."""
    return _chosen_projects(scope) if scope.project or scope.channel else _OF_ALL


def _chosen_projects(scope: Scope) -> str:
    """Return the condition for the rollups of each project and channel of the scope."""
    if scope.project:
        return f"rollup.project_id = %(project)s AND {_OF_CHANNEL}"
    return "rollup.channel_uuid = %(channel)s" if scope.channel else "rollup.project_id IS NOT NULL"
