"""`manage.py provision`"""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from django.core.management.base import CommandError, CommandParser

from operations.aws_refusals import Refused
from operations.database_time_limits import ensure_time_limits, missing_time_limits
from operations.management.command_line import OperatorCommand, count
from operations.provisioning import ensure_queues, ensure_table
from operations.provisioning_check import queue_differences, table_differences
from tasks.schedules import ensure_schedules, missing_schedules

STEPS = (ensure_queues, ensure_table, ensure_time_limits, ensure_schedules)
IN_ORDER = "The queues, the table, the role's time limits and the schedules are as they should be."


class Command(OperatorCommand):
    """Create queues, table, time limits and schedules. Running it again changes nothing."""

    help = (
        "Create the SQS queues, the DynamoDB table, the database role's time limits and beat's "
        "schedules, or change what differs. It prints each change. --check changes nothing."
    )
    after_outage = "Run it again to create what is missing."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments of the command line."""
        parser.add_argument(
            "--check",
            action="store_true",
            help="only print what differs, and exit with status 1 if something does",
        )

    def handle(self, *_arguments: Any, check: bool, **_options: Any) -> None:
        """Run the command. Raise CommandError if AWS refuses or fails, or for a difference."""
        if check:
            self._check()
            return
        changes: list[str] = []

        def report(change: str) -> None:
            changes.append(change)
            self.stdout.write(change)

        for step in STEPS:
            try:
                step(report=report)
            except Refused as refusal:
                raise CommandError(f"{refusal} Then run this again for the rest.") from refusal
        self.stdout.write(f"{count(len(changes), 'change')}. {IN_ORDER}")

    def _check(self) -> None:
        found = 0
        try:
            for difference in _differences():
                found += 1
                self.stdout.write(difference)
        except Refused as refusal:
            raise CommandError(f"{refusal} Then run this again for the rest.") from refusal
        if found:
            raise CommandError(f"{count(found, 'difference')}. Run: python manage.py provision")
        self.stdout.write(f"0 differences. {IN_ORDER}")


def _differences() -> Iterator[str]:
    return chain(
        queue_differences(),
        table_differences(),
        (f"The role has no {limit.setting}." for limit in missing_time_limits()),
        (f'The schedule "{name}" is missing.' for name in missing_schedules()),
    )
