"""The figures of each project and day, as rows for files that other programs read.

The names of `KEYS` and `FIGURES` are a stable interface; docs/report.md describes each of them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from apps.analytics.figures.documents import Value, by_day
from apps.analytics.figures.periods import Period
from apps.analytics.figures.results import CSAT_SCORES, NPS_SCORES, RESOLUTIONS, Scope
from apps.analytics.figures.selectors import figures
from apps.conversations.project_models import Project

KEYS = ("project", "project_name", "timezone", "channel", "day")

# The figures of a day, and whether a value is a count or another number, which may be missing. A
# new figure of a day in `documents` is added here, and in docs/report.md.
FIGURES: Mapping[str, type[int] | type[float]] = {
    "csat.answers": int,
    "csat.satisfied_percent": float,
    "csat.mean": float,
    **{f"csat.distribution.{score}": int for score in CSAT_SCORES},
    "nps.answers": int,
    "nps.score": float,
    "nps.mean": float,
    "nps.promoters": int,
    "nps.passives": int,
    "nps.detractors": int,
    **{f"nps.distribution.{score}": int for score in NPS_SCORES},
    "conversations.opened": int,
    "conversations.closed": int,
    **{f"conversations.by_resolution.{one.name.lower()}": int for one in RESOLUTIONS},
    "conversations.outreach": int,
    **{
        f"conversations.{time}.{name}": kind
        for time in ("first_response", "time_to_resolution")
        for name, kind in (("count", int), ("median_seconds", float), ("p90_seconds", float))
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectDay:
    """The figures of one project, or of one channel of it, on one of its local days.

    `values` has a value for each name of `FIGURES`.
    """

    project: UUID
    project_name: str
    timezone: str
    channel: UUID | None
    day: date
    values: Mapping[str, Value]


def project_days(*, scope: Scope, period: Period) -> Iterator[ProjectDay]:
    """Yield each project of the scope with each day of the period, in this order.

    Projects are ordered by their UUIDs. Days without data are included. One project is read at a
    time, so the memory that this needs does not depend on their number.
    """
    projects = Project.objects.order_by("uuid")
    if scope.project:
        projects = projects.filter(uuid=scope.project)
    for uuid, name, timezone in projects.values_list("uuid", "name", "timezone"):
        of_project = figures(
            scope=Scope(project=uuid, channel=scope.channel), period=period, times_by_day=True
        )
        for day, values in by_day(of_project):
            yield ProjectDay(
                project=uuid,
                project_name=name,
                timezone=timezone,
                channel=scope.channel,
                day=day,
                values=values,
            )


def column(figure: str) -> str:
    """Return the name of a figure's column. It has no dots, which some databases do not accept."""
    return figure.replace(".", "_")
