"""`manage.py report`"""

import csv
import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from apps.analytics.figures import Period, Scope, figures, local_today
from apps.analytics.figures.documents import COLUMNS, as_document, as_rows
from apps.analytics.figures.tables import tables
from apps.common.clock import now
from apps.conversations.models import Project
from operations.management.command_line import OperatorCommand, day, known_project, uuid
from operations.management.output import SafeConsole

DEFAULT_DAYS = 7


class Command(OperatorCommand):
    """Show the figures of one project or of all projects."""

    help = (
        "Show CSAT, NPS and conversations of a period. Days are local days in each project's time "
        "zone. The default period is the last 7 days, including today; for all projects, today is "
        "the latest local date of any of them. --csv prints a row for each figure, with the "
        "columns day, figure and value. Figures of the whole period have no day. The names of "
        "figures are the keys of --json, joined by dots. Values are not rounded. A figure without "
        "data is null in JSON and empty in CSV."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments of the command line."""
        for name in ("project", "channel"):
            parser.add_argument(
                f"--{name}", type=uuid, metavar="UUID", help="only this one (default: all)"
            )
        for name, meaning in (("from", "first"), ("to", "last")):
            parser.add_argument(
                f"--{name}", type=day, metavar="YYYY-MM-DD", help=f"the {meaning} local day"
            )
        forms = parser.add_mutually_exclusive_group()
        forms.add_argument("--csv", action="store_true", help="print CSV instead of tables")
        forms.add_argument("--json", action="store_true", help="print JSON instead of tables")

    def handle(self, **options: Any) -> None:
        """Run the command. Raise CommandError for an unknown project or an invalid period."""
        project = known_project(options["project"]) if options["project"] else None
        scope, period = _scope_and_period(project, options)
        found = figures(scope=scope, period=period)
        if options["json"]:
            self.stdout.write(json.dumps(as_document(found), indent=2))
        elif options["csv"]:
            writer = csv.writer(self.stdout, lineterminator="\n")
            writer.writerows([COLUMNS, *as_rows(as_document(found))])
        else:
            console = SafeConsole(self.stdout)
            console.print(*tables(found, project=project), sep="\n")


def _scope_and_period(project: Project | None, options: dict[str, Any]) -> tuple[Scope, Period]:
    scope = Scope(project=project.uuid if project else None, channel=options["channel"])
    first = options["from"]
    last = options["to"] or local_today(scope=scope, now=now())[1]
    try:
        if first:
            return scope, Period(first=first, last=last)
        return scope, Period.of_days(DEFAULT_DAYS, last=last)
    except ValueError as problem:
        raise CommandError(str(problem)) from None
