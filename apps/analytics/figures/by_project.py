"""The figures of each project of a scope, read together.

The statements count the same rows as those of the figures, by project instead of by day.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from uuid import UUID

from apps.analytics.figures.periods import Period
from apps.analytics.figures.results import (
    CSAT_SCORES,
    NPS_SCORES,
    CsatFigures,
    LengthFigures,
    NpsFigures,
    Scope,
)
from apps.analytics.figures.statements import (
    ANSWERS,
    CLOSINGS,
    LENGTHS,
    OPENINGS,
    Row,
    counted_rows,
    run_statement,
    zones,
)
from apps.analytics.figures.totals import Totals
from apps.conversations.models import CSAT_KEY, NPS_KEY

_ANSWERS = f"SELECT span.project_id, key, score, count(*) {counted_rows(ANSWERS)} GROUP BY 1, 2, 3"
_OPENINGS = f"SELECT span.project_id, count(*) {counted_rows(OPENINGS)} GROUP BY 1"
_CLOSINGS = f"""
SELECT span.project_id, count(*), count(*) FILTER (WHERE written_at IS NULL),
    count(*) FILTER (WHERE written_at IS NOT NULL AND (csat IS NOT NULL OR nps IS NOT NULL)),
    count(archived_at)
{counted_rows(CLOSINGS)} GROUP BY 1
"""
_LENGTHS = f"{LENGTHS.replace('SELECT', 'SELECT span.project_id,', 1)} GROUP BY 1"


def figures_by_project(*, scope: Scope, period: Period) -> Mapping[UUID, Totals]:
    """Return the figures of each project of the scope that has any in the period.

    Raise ZoneInfoNotFoundError if a project's time zone is not in the installed tz database.
    """
    timezones = zones(scope=scope)

    def rows(statement: str) -> list[Row]:
        return run_statement(statement, scope=scope, period=period, timezones=timezones)

    scores: defaultdict[tuple[UUID, str], Counter[int]] = defaultdict(Counter)
    for project, key, score, number in rows(_ANSWERS):
        scores[project, key][score] = number
    opened: Mapping[UUID, int] = dict(rows(_OPENINGS))
    closings = {project: counts for project, *counts in rows(_CLOSINGS)}
    lengths = {project: medians for project, *medians in rows(_LENGTHS)}
    found: dict[UUID, Totals] = {}
    for project in sorted({*(project for project, _ in scores), *opened, *closings}):
        closed, outreach, answered, archived = closings.get(project, (0, 0, 0, 0))
        messages, duration = lengths.get(project, (None, None))
        csat, nps = scores[project, CSAT_KEY], scores[project, NPS_KEY]
        found[project] = Totals(
            csat=CsatFigures(distribution={score: csat[score] for score in CSAT_SCORES}),
            nps=NpsFigures(distribution={score: nps[score] for score in NPS_SCORES}),
            opened=opened.get(project, 0),
            closed=closed,
            outreach=outreach,
            answered=answered,
            archived=archived,
            lengths=LengthFigures(median_messages=messages, median_duration=duration),
        )
    return found
