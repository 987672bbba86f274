"""`manage.py retention`"""

from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser
from django.db.models import Model

from apps.common.clock import now
from apps.common.durations import as_text
from apps.common.expiry import Expiry
from apps.conversations import audit
from apps.conversations.audit_models import AuditAction
from apps.conversations.project_models import Project
from apps.messages.archive_retention import (
    NONE,
    Archives,
    find_expired,
    projects_with_retention,
)
from operations.management.command_line import (
    OperatorCommand,
    add_yes,
    confirm,
    count,
    known_project,
    uuid,
)
from tasks.retention import delete_archives, delete_rows, expiries


class Command(OperatorCommand):
    """Delete what is beyond its retention, as beat does every hour."""

    help = (
        "Delete the archives of conversations that closed longer ago than the archive_retention of "
        "their project, and the conversations, answers, dead letters and audit entries that are "
        "older than the RETENTION_... settings. Beat does the same every hour."
    )
    after_outage = "Run this again to continue."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments of the command line."""
        parser.add_argument(
            "--project", type=uuid, metavar="UUID", help="only the archives of this project"
        )
        add_yes(parser)
        parser.add_argument("--dry-run", action="store_true", help="show what would be deleted")

    def handle(self, *, project: UUID | None, yes: bool, dry_run: bool, **_options: Any) -> None:
        """Run the command. After an interruption, the next run continues."""
        at = now()
        archives = {
            one: found
            for one in _projects(project)
            if (found := find_expired(project=one, now=at)).conversations
        }
        rows = {
            kind: number
            for kind in ([] if project else expiries())
            if (number := kind.count(now=at))
        }
        texts = {
            **{f"{one.uuid}": _describe(found) for one, found in archives.items()},
            **{_name(kind): _describe_rows(kind, number) for kind, number in rows.items()},
        }
        for name, text in texts.items():
            self.stdout.write(f"{name}: {text} to delete.")
        if not texts:
            self.stdout.write("There is nothing to delete.")
            return
        if dry_run:
            self.stdout.write("This was a dry run. Nothing was deleted.")
            return
        confirm(f"This deletes {', '.join(texts.values())} permanently.", yes=yes)
        for one, found in archives.items():
            # Record the start: deletion takes several transactions and may be interrupted.
            _record(Project, one.uuid, conversations=found.conversations, messages=found.messages)
            deleted = sum((page.archives for page in delete_archives(one, at=at)), NONE)
            self.stdout.write(f"{one.uuid}: deleted {_describe(deleted)}.")
        for kind, number in rows.items():
            _record(kind.model, "", rows=number)
            done = sum(delete_rows(kind, at=at))
            self.stdout.write(f"{_name(kind)}: deleted {_describe_rows(kind, done)}.")


def _record(of: type[Model], object_id: object, **numbers: int) -> None:
    audit.record(
        actor=audit.command_line(),
        action=AuditAction.RETENTION,
        of=of,
        object_id=object_id,
        **numbers,
    )


def _projects(project_uuid: UUID | None) -> list[Project]:
    """Return the project, or all projects with an archive retention.

    Raise CommandError if the project is unknown or has no archive retention.
    """
    if project_uuid is None:
        return list(projects_with_retention())
    project = known_project(project_uuid)
    if project.archive_retention is None:
        raise CommandError(
            f"{project_uuid} has no archive_retention, so its archives are kept for ever. Set it "
            f"first: python manage.py projects set {project_uuid} --archive-retention 90d"
        )
    return [project]


def _name(kind: Expiry) -> str:
    kept_for = as_text(kind.retention) if kind.retention else "none"
    return f"{kind.plural}, kept for {kept_for}"


def _describe(archives: Archives) -> str:
    messages = count(archives.messages, "message")
    return f"{messages} of {count(archives.conversations, 'conversation')}"


def _describe_rows(kind: Expiry, number: int) -> str:
    return f"{number} {kind.singular if number == 1 else kind.plural}"
