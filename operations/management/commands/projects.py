"""`manage.py projects list|set|import`"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from apps.common.clock import now
from apps.common.durations import EXAMPLES
from apps.conversations import audit, project_csv, project_settings
from apps.conversations.audit_models import AuditAction
from apps.conversations.project_models import Project
from apps.conversations.project_settings import FIELDS
from apps.conversations.projects import Change, ProjectRow, all_projects, configure, finish_moves
from operations.management.command_line import OperatorCommand, in_columns

NOTHING_WRITTEN = "Nothing was written."
SETTINGS_WRITTEN = (
    "The settings are written, but not all open conversations are rescheduled yet. "
    "The next runs of close_due_conversations reschedule them."
)


class Command(OperatorCommand):
    """Show and change the settings of projects. Either all settings are written, or none."""

    help = (
        "List projects, or set their name, time zone, closing time, idle timeout and archive "
        "retention."
    )
    after_outage = f"{NOTHING_WRITTEN} Run it again later."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments of the command line."""
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="list all projects and their settings")
        listing.add_argument("--csv", action="store_true", help="as CSV, which can be imported")

        setting = actions.add_parser("set", help="set one project")
        # Not parsed by argparse, so that all errors are reported at once.
        setting.add_argument("uuid")
        setting.add_argument("--name")
        setting.add_argument("--timezone", help="such as America/Sao_Paulo")
        setting.add_argument("--closing-time", metavar="HH:MM", help="local time in the time zone")
        setting.add_argument("--idle-timeout", help=f"{EXAMPLES}, or none")
        setting.add_argument("--archive-retention", help="such as 30d, or none: keep archives")

        importing = actions.add_parser("import", help="set the projects of a CSV file")
        importing.add_argument("file", help=f"with the columns {','.join(project_csv.COLUMNS)}")
        for action in (setting, importing):
            action.add_argument("--dry-run", action="store_true", help="show what would change")

    def handle(self, *, action: str, **options: Any) -> None:
        """Run the command. Raise CommandError with a sentence for each error in the arguments."""
        if action == "list":
            self._list(as_csv=options["csv"])
        else:
            rows = _row_of_options(options) if action == "set" else _rows_of_file(options["file"])
            self._configure(rows, dry_run=options["dry_run"])

    def _list(self, *, as_csv: bool) -> None:
        if as_csv:
            self.stdout.write_data(project_csv.as_csv(all_projects()))
            return
        table = [project_csv.COLUMNS]
        for row in all_projects():
            table.append((str(row.uuid), *project_settings.as_texts(row.settings).values()))
        for line in in_columns(table):
            self.stdout.write(line)

    def _configure(self, rows: Sequence[ProjectRow], *, dry_run: bool) -> None:
        with transaction.atomic():
            changes = configure(rows=rows, now=now(), dry_run=dry_run)
            if not dry_run:
                _record(changes)
        if not dry_run:
            self.after_outage = SETTINGS_WRITTEN
            finish_moves([row.uuid for row in rows])
        for change in changes:
            self.stdout.write(f"{change.uuid}: {'; '.join(_describe(change))}.")
        self.stdout.write(f"{len(changes)} changed, {len(rows) - len(changes)} unchanged.")
        if dry_run:
            self.stdout.write(f"This was a dry run. {NOTHING_WRITTEN}")


def _row_of_options(options: dict[str, Any]) -> list[ProjectRow]:
    """Return the row for the options of `set`."""
    texts = {field: options[field] for field in FIELDS if options[field] is not None}
    settings, problems = project_settings.parse(texts)
    if not texts:
        problems.append(
            "Pass a setting: --name, --timezone, --closing-time, --idle-timeout or "
            "--archive-retention."
        )
    try:
        uuid = project_settings.parse_uuid(options["uuid"])
    except ValueError as problem:
        raise _refused([str(problem), *problems]) from None
    if problems:
        raise _refused(problems)
    return [ProjectRow(uuid=uuid, settings=settings)]


def _rows_of_file(name: str) -> list[ProjectRow]:
    try:
        return project_csv.read(Path(name).read_bytes())
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.") from error
    except project_csv.InvalidFile as invalid:
        raise _refused(invalid.problems) from None


def _record(changes: Sequence[Change]) -> None:
    for action, new in ((AuditAction.ADD, True), (AuditAction.CHANGE, False)):
        audit.record_all(
            actor=audit.command_line(),
            action=action,
            of=Project,
            details={
                change.uuid: _audit_details(change) for change in changes if change.new is new
            },
        )


def _audit_details(change: Change) -> dict[str, Any]:
    """Return the old and new values for the audit log. The values of a name are left out."""
    before = project_settings.as_texts(change.before)
    after = project_settings.as_texts(change.after)
    values = {field: [before[field], after[field]] for field in after if field != "name"}
    return {"fields": sorted(after), "values": values, "moved": change.conversations_moved}


def _refused(problems: Sequence[str]) -> CommandError:
    return CommandError("\n".join([*problems, NOTHING_WRITTEN]))


def _describe(change: Change) -> list[str]:
    before = project_settings.as_texts(change.before)
    after = project_settings.as_texts(change.after)
    parts = ["new"] if change.new else []
    parts += [f"{field} {before[field] or 'none'} -> {after[field] or 'none'}" for field in after]
    if change.conversations_moved:
        parts.append(f"open conversations rescheduled: {change.conversations_moved}")
    return parts
