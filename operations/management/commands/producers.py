"""`manage.py producers`"""

import json
from datetime import UTC, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.core.management.base import CommandParser

from apps.common.clock import now
from apps.messages import producer_problems
from apps.messages.producer_problems import describe
from operations.management.command_line import OperatorCommand, day, uuid

DEFAULT_DAYS = 7


class Command(OperatorCommand):
    """Show what producers do wrong."""

    help = (
        "Show what producers do wrong, by project and day in UTC, with the number of events. The "
        "nil UUID stands for events that name no project. An event that ran twice counts twice."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments of the command line."""
        parser.add_argument("--project", type=uuid, metavar="UUID", help="only this project")
        parser.add_argument(
            "--from", type=day, metavar="YYYY-MM-DD", help="the first day (default: six days ago)"
        )
        parser.add_argument("--json", action="store_true", help="print JSON instead of lines")

    def handle(self, **options: Any) -> None:
        """Run the command."""
        today = now().astimezone(UTC).date()
        first = options["from"] or today - timedelta(days=DEFAULT_DAYS - 1)
        counts = producer_problems.since(first, project_uuid=options["project"])
        if options["json"]:
            fields = ("day", "project_uuid", "problem", "detail", "events")
            rows = [dict(zip(fields, row, strict=True)) for row in counts.values_list(*fields)]
            self.stdout.write(json.dumps(rows, indent=2, default=str))
            return
        if not counts:
            self.stdout.write(f"No problems since {first}.")
        for project_uuid, of_project in groupby(counts, key=attrgetter("project_uuid")):
            self.stdout.write(f"{project_uuid}")
            for one in of_project:
                producer = describe(one.problem, one.detail)
                self.stdout.write(f"  {one.day}  {one.events:>9,}  {producer}")
