"""Configuration of projects by operators: many projects in one transaction."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from apps.conversations.moving import count_to_move, move_open_conversations, unfinished_moves
from apps.conversations.project_models import Project
from apps.conversations.project_settings import FIELDS, ProjectSettings

CLOSING_RULE = frozenset({"timezone", "closing_time", "idle_timeout"})

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRow:
    """A project and its settings. Settings that are left out stay unchanged when it is written."""

    uuid: UUID
    settings: ProjectSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The change of one project. `before` and `after` hold only settings that changed.

    `conversations_moved` is the number of open conversations that `finish_moves` moves.
    """

    uuid: UUID
    new: bool
    before: ProjectSettings
    after: ProjectSettings
    conversations_moved: int


def all_projects() -> Iterator[ProjectRow]:
    """Yield every project with all its settings, ordered by uuid."""
    for project in Project.objects.order_by("uuid"):
        yield ProjectRow(
            uuid=project.uuid, settings={field: getattr(project, field) for field in FIELDS}
        )


def configure(*, rows: Sequence[ProjectRow], now: datetime, dry_run: bool) -> list[Change]:
    """Write the settings of all rows in one transaction, and return what changed.

    A project that does not exist is created, so that it can be configured before its first event.
    A new closing rule applies to open conversations only when `finish_moves` has moved them: the
    caller must call it after the commit. A dry run makes the same changes and rolls them back. Each
    uuid may occur in one row only, and the settings must come from `project_settings.parse`. Raise
    django.db's errors if the database is busy or down.
    """
    with transaction.atomic():
        created, projects = _create_and_lock([row.uuid for row in rows])
        changes = [
            _configure_one(projects[row.uuid], row.settings, new=row.uuid in created, now=now)
            for row in rows
        ]
        if dry_run:
            transaction.set_rollback(True)
    changes = [
        change for change in changes if change.new or change.after or change.conversations_moved
    ]
    if not dry_run:
        _log(changes)
    return changes


def finish_moves(uuids: Sequence[UUID]) -> None:
    """Move the open conversations of these projects to their new closing rules.

    It must not be called in a transaction: the moves of many conversations take long, and their
    locks would stop the events of the project.
    """
    _move(Project.objects.filter(uuid__in=uuids, moving_since__isnull=False))


def finish_abandoned_moves(*, now: datetime) -> None:
    """Move the open conversations of projects for which `finish_moves` was interrupted."""
    _move(unfinished_moves(now=now))


def _move(projects: QuerySet[Project]) -> None:
    for project in projects.order_by("uuid"):
        if project.moving_since:
            moved = move_open_conversations(project=project, now=project.moving_since)
            logger.info(
                "closing_rule_applied",
                extra={"project_uuid": str(project.uuid), "conversations": moved},
            )


def _create_and_lock(uuids: Sequence[UUID]) -> tuple[set[UUID], dict[UUID, Project]]:
    """Create the projects that are missing and lock all; return the new uuids and all projects.

    Opening a conversation takes a share lock on its project's row, so it waits for this lock and
    uses the new closing rule. Inserting rows that only refer to the project does not wait.
    """
    projects = Project.objects.filter(uuid__in=uuids)
    missing = set(uuids) - set(projects.values_list("uuid", flat=True))
    # Sorted, so that two runs cannot deadlock.
    Project.objects.bulk_create(
        [Project(uuid=uuid) for uuid in sorted(missing)], ignore_conflicts=True
    )
    locked = projects.select_for_update(no_key=True).order_by("uuid")
    return missing, {project.uuid: project for project in locked}


def _configure_one(
    project: Project, settings: ProjectSettings, *, new: bool, now: datetime
) -> Change:
    former = {field: getattr(project, field) for field in settings}
    after = {field: value for field, value in settings.items() if value != former[field]}
    for field, value in after.items():
        setattr(project, field, value)
    if CLOSING_RULE & set(after):
        project.moving_since = now
    if after:
        project.save(update_fields=[*after, "moving_since"])
    since = project.moving_since
    return Change(
        uuid=project.uuid,
        new=new,
        before={field: former[field] for field in after},
        after=after,
        conversations_moved=count_to_move(project=project, now=since) if since else 0,
    )


def _log(changes: Sequence[Change]) -> None:
    for change in changes:
        logger.info(
            "project_configured",
            extra={
                "project_uuid": str(change.uuid),
                "fields": sorted(change.after),
                "conversations_to_move": change.conversations_moved,
            },
        )
