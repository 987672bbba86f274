"""How far the rollups go, for people who operate the service."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Exists, F, Min, OuterRef

from apps.analytics.rollup_models import RollupMark, RollupState
from apps.conversations.models import Conversation
from apps.conversations.project_models import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the rollups go.

    All projects have rollups of the days before `complete_before`, except `projects_without`: they
    have conversations from long enough ago, but are new here, or have another time zone by now. It
    is None if no project has any. `marks` is the number of changes since.
    """

    complete_before: date | None
    projects_without: int
    marks: int


def progress(*, waiting_since: datetime) -> Progress:
    """Return how far the rollups go.

    Projects whose conversations all opened after `waiting_since` need none yet. Raise Django's
    database errors.
    """
    old = Conversation.objects.filter(project=OuterRef("pk"), opened_at__lt=waiting_since)
    usable = RollupState.objects.filter(timezone=F("project__timezone"))
    return Progress(
        complete_before=usable.aggregate(first=Min("complete_before"))["first"],
        projects_without=Project.objects.exclude(pk__in=usable.values("project"))
        .filter(Exists(old))
        .count(),
        marks=RollupMark.objects.count(),
    )
