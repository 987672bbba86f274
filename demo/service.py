"""What the service itself says of its state and of its figures. Needs Django's settings."""

from collections import Counter
from datetime import datetime, timedelta

from django.db.models import F

from apps.analytics.figures import Period, Scope, figures
from apps.analytics.models import OutboxEvent, SurveyAnswer
from apps.common.clock import now
from apps.conversations.models import Conversation, Project, Resolution
from demo.target import Snapshot
from testbed.checker.figures import ALL_PROJECTS, ProjectFigures


def take_snapshot(*, published: int, queued: int) -> Snapshot:
    """Return how far the service is, seen from PostgreSQL."""
    closed = Conversation.objects.exclude(resolution=Resolution.IN_PROGRESS)
    by_time = closed.filter(ended_at__gte=F("closes_at")).values_list("project", flat=True)
    return Snapshot(
        published=published,
        queued=queued,
        opened=Conversation.objects.count(),
        closed=closed.count(),
        closed_by_time=Counter(map(str, by_time)),
        archived=closed.exclude(archived_at=None).count(),
        answers=SurveyAnswer.objects.count(),
        in_lake=OutboxEvent.objects.exclude(delivered_at=None).count(),
    )


def read_figures(*, started_at: datetime) -> dict[str, ProjectFigures]:
    """Return what the service says of each project, and of all, since it was started."""
    day = timedelta(days=1)
    # Wherever a project is, its date is at most one day from that of UTC.
    period = Period(first=started_at.date() - day, last=now().date() + day)
    scopes = {
        str(uuid): Scope(project=uuid) for uuid in Project.objects.values_list("uuid", flat=True)
    }
    return {
        project: _figures_of(scope, period)
        for project, scope in {**scopes, ALL_PROJECTS: Scope()}.items()
    }


def _figures_of(scope: Scope, period: Period) -> ProjectFigures:
    said = figures(scope=scope, period=period)
    csat, nps, closings = said.surveys.csat, said.surveys.nps, said.closings
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
        response_rate=closings.response_percent,
    )
