"""`manage.py provision`"""

from typing import Any

from django.core.management.base import CommandError

from operations.aws_refusals import Refused
from operations.database_time_limits import ensure_time_limits
from operations.management.command_line import OperatorCommand
from operations.provisioning import ensure_queues, ensure_table
from tasks.schedules import ensure_schedules

STEPS = (ensure_queues, ensure_table, ensure_time_limits, ensure_schedules)


class Command(OperatorCommand):
    """Create queues, table, time limits and schedules. Running it again changes nothing."""

    help = (
        "Create the SQS queues, the DynamoDB table, the database role's time limits and beat's "
        "schedules, or change what differs. It prints each change."
    )
    after_outage = "Run it again to create what is missing."

    def handle(self, *_arguments: Any, **_options: Any) -> None:
        """Run the command. Raise CommandError if AWS refuses a change or fails."""
        changes: list[str] = []

        def report(change: str) -> None:
            changes.append(change)
            self.stdout.write(change)

        for step in STEPS:
            try:
                step(report=report)
            except Refused as refusal:
                raise CommandError(f"{refusal} Then run this again for the rest.") from refusal
        self.stdout.write(
            f"{len(changes)} changes. The queues, the table, the role's time limits and the "
            "schedules are as they should be."
        )
