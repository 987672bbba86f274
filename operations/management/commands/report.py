"""`manage.py report`"""

import csv
import json
from datetime import date
from typing import IO, Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from apps.analytics.figures import Period, Scope, figures
from apps.analytics.figures.documents import COLUMNS, as_document, as_rows
from apps.analytics.figures.tables import tables
from apps.common.clock import now
from apps.common.errors import Unavailable, database_may_be_unavailable
from apps.conversations.models import Project
from apps.conversations.project_settings import parse_uuid

DEFAULT_DAYS = 7


class Command(BaseCommand):
    """Shows the figures of a project or of all; whatever is wrong in what was asked is told."""

    help = (
        "CSAT, NPS and conversations of a period. Days are local: each project's own, in its time "
        "zone. Without --from and --to it is the last 7 days, today included. --csv writes a row "
        "for each figure, with the columns day, figure and value: those of the whole period have "
        "no day, and the names are those of --json, joined by dots. Neither rounds; what there is "
        "nothing of is null, or empty."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what the command line takes."""
        parser.add_argument("--project", metavar="UUID", help="only this one (default: all)")
        parser.add_argument("--channel", metavar="UUID", help="only this one (default: all)")
        for name, meaning in (("from", "first"), ("to", "last")):
            parser.add_argument(f"--{name}", metavar="YYYY-MM-DD", help=f"the {meaning} local day")
        forms = parser.add_mutually_exclusive_group()
        forms.add_argument("--csv", action="store_true", help="instead of a table")
        forms.add_argument("--json", action="store_true", help="instead of a table")

    def handle(self, **options: Any) -> None:
        """Run the command. Raises CommandError with a sentence for whatever keeps it from that."""
        try:
            with database_may_be_unavailable():
                project = _project(options["project"])
                scope, period = _asked(project, options)
                found = figures(scope=scope, period=period)
        except Unavailable as error:
            raise CommandError(f"{error}. Run it again later.") from error
        if options["json"]:
            self.stdout.write(json.dumps(as_document(found), indent=2))
        elif options["csv"]:
            writer = csv.writer(self.stdout, lineterminator="\n")
            writer.writerows([COLUMNS, *as_rows(as_document(found))])
        else:
            # It knows a terminal when it writes to one, as Django's wrapper lets it see.
            console = Console(file=cast(IO[str], self.stdout), highlight=False, markup=False)
            console.print(*tables(found, project=project), sep="\n")


def _project(text: str | None) -> Project | None:
    if text is None:
        return None
    uuid = _uuid(text)
    project = Project.objects.filter(uuid=uuid).first()
    if project is None:
        raise CommandError(f"There is no project {uuid}.")
    return project


def _asked(project: Project | None, options: dict[str, Any]) -> tuple[Scope, Period]:
    timezone = project.timezone if project else settings.DEFAULT_TIMEZONE
    first, last, channel = options["from"], options["to"], options["channel"]
    last_day = _day(last) if last else now().astimezone(ZoneInfo(timezone)).date()
    scope = Scope(
        project=project.uuid if project else None, channel=_uuid(channel) if channel else None
    )
    try:
        if first:
            return scope, Period(first=_day(first), last=last_day)
        return scope, Period.of_days(DEFAULT_DAYS, last=last_day)
    except ValueError as problem:
        raise CommandError(str(problem)) from None


def _uuid(text: str) -> UUID:
    try:
        return parse_uuid(text)
    except ValueError as problem:
        raise CommandError(str(problem)) from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(f'"{text[:40]}" is not a day: write YYYY-MM-DD.') from None
