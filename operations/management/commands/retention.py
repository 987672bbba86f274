"""`manage.py retention`"""

import logging
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from apps.common.clock import now
from apps.conversations import audit
from apps.conversations.models import AuditAction, Project
from apps.messages.archive_retention import Archives, delete_expired, find_expired
from operations.management.command_line import (
    OperatorCommand,
    add_yes,
    confirm,
    count,
    known_project,
    uuid,
)

logger = logging.getLogger(__name__)


class Command(OperatorCommand):
    """Delete archived messages that are older than the archive retention of their project."""

    help = (
        "Delete the archives of conversations that closed longer ago than the archive_retention of "
        "their project."
    )
    after_outage = "Run this again to continue."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments of the command line."""
        parser.add_argument("--project", type=uuid, metavar="UUID", help="only this project")
        add_yes(parser)
        parser.add_argument("--dry-run", action="store_true", help="show what would be deleted")

    def handle(self, *, project: UUID | None, yes: bool, dry_run: bool, **_options: Any) -> None:
        """Run the command. After an interruption, the next run continues."""
        at = now()
        expired: dict[Project, Archives] = {}
        for one in _projects(project):
            archives = find_expired(project=one, now=at)
            if archives.conversations:
                expired[one] = archives
                self.stdout.write(f"{one.uuid}: {_describe(archives)} to delete.")
        if not expired:
            self.stdout.write("There is nothing to delete.")
            return
        if dry_run:
            self.stdout.write("This was a dry run. Nothing was deleted.")
            return
        confirm(f"This deletes {_describe(_sum(expired.values()))} permanently.", yes=yes)
        for one, found in expired.items():
            # Record the start: deletion takes several transactions and may be interrupted.
            audit.record(
                actor=audit.command_line(),
                action=AuditAction.RETENTION,
                of=Project,
                object_id=one.uuid,
                conversations=found.conversations,
                messages=found.messages,
            )
            archives = delete_expired(project=one, now=at)
            logger.info(
                "archives_deleted",
                extra={
                    "project_uuid": str(one.uuid),
                    "conversations": archives.conversations,
                    "messages": archives.messages,
                },
            )
            self.stdout.write(f"{one.uuid}: deleted {_describe(archives)}.")


def _projects(project_uuid: UUID | None) -> list[Project]:
    """Return the project, or all projects with an archive retention. Raise CommandError."""
    if project_uuid is None:
        return list(Project.objects.exclude(archive_retention=None).order_by("uuid"))
    project = known_project(project_uuid)
    if project.archive_retention is None:
        raise CommandError(
            f"{project_uuid} has no archive_retention, so its archives are kept for ever. Set it "
            "in the admin site first."
        )
    return [project]


def _sum(archives: Iterable[Archives]) -> Archives:
    all_of_them = list(archives)
    return Archives(
        conversations=sum(one.conversations for one in all_of_them),
        messages=sum(one.messages for one in all_of_them),
    )


def _describe(archives: Archives) -> str:
    messages = count(archives.messages, "message")
    return f"{messages} of {count(archives.conversations, 'conversation')}"
