"""Reads the figures of the service with its own code. Needs Django's settings."""

from datetime import datetime, timedelta

from apps.analytics.figures import Period, Scope, figures
from apps.common.clock import now
from apps.conversations.project_models import Project
from testbed.checker.figures import ALL_PROJECTS, ProjectFigures


def read_figures(*, started_at: datetime) -> dict[str, ProjectFigures]:
    """Return the service's figures since it was started, by project and for all projects."""
    day = timedelta(days=1)
    # The date in a project's time zone is at most one day from that in UTC.
    period = Period(first=started_at.date() - day, last=now().date() + day)
    scopes = {
        str(uuid): Scope(project=uuid) for uuid in Project.objects.values_list("uuid", flat=True)
    }
    return {
        project: _figures_of(scope, period)
        for project, scope in {**scopes, ALL_PROJECTS: Scope()}.items()
    }


def _figures_of(scope: Scope, period: Period) -> ProjectFigures:
    found = figures(scope=scope, period=period)
    csat, nps, closings = found.surveys.csat, found.surveys.nps, found.closings
    return ProjectFigures(
        csat_answers=csat.answers,
        csat=csat.satisfied_percent,
        csat_mean=csat.mean,
        nps_answers=nps.answers,
        promoters=nps.promoters,
        passives=nps.passives,
        detractors=nps.detractors,
        nps=nps.score,
        closed=closings.closed,
        by_resolution={int(one): count for one, count in closings.by_resolution.items()},
        answered=closings.answered,
        outreach=closings.outreach,
        survey_response=closings.survey_response_percent,
    )
