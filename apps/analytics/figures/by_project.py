"""The figures of each project of a scope, read together."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from uuid import UUID

from apps.analytics.figures.distributions import csat, lengths, nps, times
from apps.analytics.figures.measures import Measure
from apps.analytics.figures.parts import parts_by_project
from apps.analytics.figures.periods import Period
from apps.analytics.figures.results import Scope
from apps.analytics.figures.totals import Totals

_Measured = Mapping[Measure, Counter[int]]


def figures_by_project(*, scope: Scope, period: Period) -> Mapping[UUID, Totals]:
    """Return the figures of each project of the scope that has any in the period.

    Raise ZoneInfoNotFoundError if a project's time zone is not in the installed tz database.
    """
    measured: defaultdict[UUID, defaultdict[Measure, Counter[int]]] = defaultdict(
        lambda: defaultdict(Counter)
    )
    for project, measure, value, number in parts_by_project(scope=scope, period=period):
        measured[project][measure][value] = number
    return {project: _totals(measured[project]) for project in sorted(measured)}


def _totals(measured: _Measured) -> Totals:
    return Totals(
        csat=csat(measured[Measure.CSAT]),
        nps=nps(measured[Measure.NPS]),
        opened=measured[Measure.OPENED].total(),
        closed=measured[Measure.CLOSED].total(),
        outreach=measured[Measure.OUTREACH].total(),
        answered=measured[Measure.ANSWERED].total(),
        archived=measured[Measure.ARCHIVED].total(),
        lengths=lengths(messages=measured[Measure.LENGTH], seconds=measured[Measure.DURATION]),
        times=times(
            first_response=measured[Measure.FIRST_RESPONSE],
            to_resolution=measured[Measure.TO_RESOLUTION],
        ),
    )
