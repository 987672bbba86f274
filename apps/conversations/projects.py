"""How operators configure projects: many at once, all or nothing."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.conversations.models import Project
from apps.conversations.project_settings import FIELDS, ProjectSettings
from apps.conversations.services import move_open_conversations

CLOSING_RULE = frozenset({"timezone", "closing_time", "idle_timeout"})

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRow:
    """One project and its settings, or those of them that are to be written."""

    uuid: UUID
    settings: ProjectSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of one project: only what differs, before and after."""

    uuid: UUID
    new: bool
    before: ProjectSettings
    after: ProjectSettings
    conversations_moved: int


def all_projects() -> Iterator[ProjectRow]:
    """Every project with all its settings, in the order of their uuids."""
    for project in Project.objects.order_by("uuid"):
        yield ProjectRow(
            uuid=project.uuid, settings={field: getattr(project, field) for field in FIELDS}
        )


def configure(*, rows: Sequence[ProjectRow], now: datetime, dry_run: bool) -> list[Change]:
    """Write the settings of all rows, or none of them, and give what changed.

    A project that is not there is made, so that it can be configured before its first event. A
    new closing rule moves the open conversations of its project. A dry run does all this and
    rolls it back. No uuid may be in two rows, and the settings must be what `parse` gives. The
    errors of a database that is busy or down are django.db's.
    """
    with transaction.atomic():
        made, projects = _made_and_locked([row.uuid for row in rows])
        changes = [
            _configured(projects[row.uuid], row.settings, new=row.uuid in made, now=now)
            for row in rows
        ]
        if dry_run:
            transaction.set_rollback(True)
    changes = [change for change in changes if change.new or change.after]
    if not dry_run:
        _log(changes)
    return changes


def _made_and_locked(uuids: Sequence[UUID]) -> tuple[set[UUID], dict[UUID, Project]]:
    """Which projects were missing and are made now, and all of them, locked.

    Opening a conversation takes a share lock on its project's row, so none opens by an old rule
    after this. Rows that only refer to the project do not wait.
    """
    asked = Project.objects.filter(uuid__in=uuids)
    missing = set(uuids) - set(asked.values_list("uuid", flat=True))
    # In one order, so that two runs cannot wait for each other.
    Project.objects.bulk_create(
        [Project(uuid=uuid) for uuid in sorted(missing)], ignore_conflicts=True
    )
    locked = asked.select_for_update(no_key=True).order_by("uuid")
    return missing, {project.uuid: project for project in locked}


def _configured(project: Project, settings: ProjectSettings, *, new: bool, now: datetime) -> Change:
    former = {field: getattr(project, field) for field in settings}
    after = {field: value for field, value in settings.items() if value != former[field]}
    for field, value in after.items():
        setattr(project, field, value)
    if after:
        project.save(update_fields=list(after))
    moves = CLOSING_RULE & set(after)
    return Change(
        uuid=project.uuid,
        new=new,
        before={field: former[field] for field in after},
        after=after,
        conversations_moved=move_open_conversations(project=project, now=now) if moves else 0,
    )


def _log(changes: Sequence[Change]) -> None:
    for change in changes:
        logger.info(
            "project_configured",
            extra={
                "project_uuid": str(change.uuid),
                "fields": sorted(change.after),
                "conversations_moved": change.conversations_moved,
            },
        )
