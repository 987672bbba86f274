"""`manage.py report`"""

import csv
import json
from typing import IO, Any, cast
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from rich.console import Console

from apps.analytics.figures import Period, Scope, figures
from apps.analytics.figures.documents import COLUMNS, as_document, as_rows
from apps.analytics.figures.tables import tables
from apps.common.clock import now
from apps.conversations.models import Project
from operations.management.command_line import OperatorCommand, day, known_project, uuid

DEFAULT_DAYS = 7


class Command(OperatorCommand):
    """Show the figures of a project or of all."""

    help = (
        "CSAT, NPS and conversations of a period. Days are local: each project's own, in its time "
        "zone. Without --from and --to it is the last 7 days, today included. --csv writes a row "
        "for each figure, with the columns day, figure and value: those of the whole period have "
        "no day, and the names are those of --json, joined by dots. Neither rounds; what there is "
        "nothing of is null, or empty."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what the command line takes."""
        for name in ("project", "channel"):
            parser.add_argument(
                f"--{name}", type=uuid, metavar="UUID", help="only this one (default: all)"
            )
        for name, meaning in (("from", "first"), ("to", "last")):
            parser.add_argument(
                f"--{name}", type=day, metavar="YYYY-MM-DD", help=f"the {meaning} local day"
            )
        forms = parser.add_mutually_exclusive_group()
        forms.add_argument("--csv", action="store_true", help="instead of a table")
        forms.add_argument("--json", action="store_true", help="instead of a table")

    def handle(self, **options: Any) -> None:
        """Run the command. Raise CommandError for a project or a period that cannot be."""
        project = known_project(options["project"]) if options["project"] else None
        scope, period = _asked(project, options)
        found = figures(scope=scope, period=period)
        if options["json"]:
            self.stdout.write(json.dumps(as_document(found), indent=2))
        elif options["csv"]:
            writer = csv.writer(self.stdout, lineterminator="\n")
            writer.writerows([COLUMNS, *as_rows(as_document(found))])
        else:
            # It knows a terminal when it writes to one, as Django's wrapper lets it see.
            console = Console(file=cast(IO[str], self.stdout), highlight=False, markup=False)
            console.print(*tables(found, project=project), sep="\n")


def _asked(project: Project | None, options: dict[str, Any]) -> tuple[Scope, Period]:
    timezone = project.timezone if project else settings.DEFAULT_TIMEZONE
    first = options["from"]
    last = options["to"] or now().astimezone(ZoneInfo(timezone)).date()
    scope = Scope(project=project.uuid if project else None, channel=options["channel"])
    try:
        if first:
            return scope, Period(first=first, last=last)
        return scope, Period.of_days(DEFAULT_DAYS, last=last)
    except ValueError as problem:
        raise CommandError(str(problem)) from None
