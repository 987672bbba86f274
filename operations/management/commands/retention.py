"""`manage.py retention`"""

import logging
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.common.clock import now
from apps.common.errors import Unavailable, database_may_be_unavailable
from apps.conversations import audit
from apps.conversations.models import AuditAction, Project
from apps.conversations.project_settings import parse_uuid
from apps.messages.archive_retention import Archives, delete_expired, find_expired

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """Deletes archived messages that are older than their project keeps them."""

    help = "Delete the archives of conversations that closed longer ago than their project's \
archive_retention."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what the command line takes."""
        parser.add_argument("--project", metavar="UUID", help="only this one")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--dry-run", action="store_true", help="say what would be deleted")

    def handle(self, **options: Any) -> None:
        """Run the command. Cut off half-way, what is left is deleted by running it again."""
        try:
            with database_may_be_unavailable():
                self._run(**options)
        except Unavailable as error:
            raise CommandError(f"{error}. Run this again: it goes on where it was.") from error

    def _run(self, *, project: str | None, yes: bool, dry_run: bool, **_others: Any) -> None:
        at = now()
        expired: dict[Project, Archives] = {}
        for one in _projects(project):
            archives = find_expired(project=one, now=at)
            if archives.conversations:
                expired[one] = archives
                self.stdout.write(f"{one.uuid}: {_said(archives)} to be deleted.")
        if not expired:
            self.stdout.write("There is nothing to be deleted.")
            return
        if dry_run:
            self.stdout.write("This was a dry run. Nothing was deleted.")
            return
        if not yes:
            _confirm()
        for one, found in expired.items():
            # Before, because it is deleted in batches: cut off, it is known who began.
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
                "archives were deleted",
                extra={
                    "project_uuid": str(one.uuid),
                    "conversations": archives.conversations,
                    "messages": archives.messages,
                },
            )
            self.stdout.write(f"{one.uuid}: {_said(archives)} deleted.")


def _projects(text: str | None) -> list[Project]:
    """Those that keep their archives for a time, or the one that was asked for."""
    if text is None:
        return list(Project.objects.exclude(archive_retention=None).order_by("uuid"))
    try:
        uuid = parse_uuid(text)
    except ValueError as problem:
        raise CommandError(str(problem)) from None
    project = Project.objects.filter(uuid=uuid).first()
    if project is None:
        raise CommandError(f"There is no project {uuid}.")
    if project.archive_retention is None:
        raise CommandError(f"{uuid} keeps its archives for ever: it has no archive_retention.")
    return [project]


def _confirm() -> None:
    try:
        said = input("Delete these messages for ever? Type yes: ")
    except EOFError:
        said = ""
    if said.strip().lower() != "yes":
        raise CommandError("Nothing was deleted. In scripts, use --yes.")


def _said(archives: Archives) -> str:
    return f"{archives.messages} messages of {archives.conversations} conversations"
