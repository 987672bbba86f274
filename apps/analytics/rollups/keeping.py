"""Keeping in the figures what retention deletes."""

from collections.abc import Collection, Iterator
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from apps.analytics.figures.periods import offsets
from apps.analytics.models import SurveyAnswer
from apps.analytics.rollups import writing
from apps.analytics.rollups.watching import locked
from apps.conversations.models import Conversation, EarlierClosing
from apps.conversations.project_models import Project


def keep(*, conversations: Collection[UUID] = (), answers: Collection[int] = ()) -> None:
    """Move what these rows count for into the rollups of deleted rows.

    Call it in the transaction that then deletes the rows, and the answers of the conversations with
    them. No figure changes: what the rows counted for until then is added at the same moment, on
    the same local days. Raise Django's database errors.
    """
    times = list(_times(conversations, answers))
    if not times:
        return
    since, until = min(at for _, at in times), max(at for _, at in times)
    projects = Project.objects.filter(pk__in={project for project, _ in times})
    pieces = [
        (project.pk, span)
        for project in projects
        for span in offsets(timezone=project.timezone, since=since, until=until)
    ]
    with locked():
        writing.add_deleted(pieces, conversations=conversations, answers=answers)


def _times(
    conversations: Collection[UUID], answers: Collection[int]
) -> Iterator[tuple[UUID, datetime]]:
    """Yield the projects and times of the rows and of what is deleted with them."""
    rows = Conversation.objects.filter(pk__in=conversations)
    closings = EarlierClosing.objects.filter(conversation__in=conversations)
    given = SurveyAnswer.objects.filter(Q(conversation__in=conversations) | Q(pk__in=answers))
    yield from rows.values_list("project_id", "opened_at")
    yield from (
        (project, ended_at)
        for project, ended_at in rows.values_list("project_id", "ended_at")
        if ended_at is not None
    )
    yield from closings.values_list("project_id", "ended_at")
    yield from given.values_list("project_id", "answered_at")
