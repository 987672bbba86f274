"""`manage.py provision`"""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.core.management.base import CommandError

from operations.database_bounds import ensure_bounds
from operations.management.command_line import OperatorCommand
from operations.provisioning import ensure_queues, ensure_table
from tasks.schedules import ensure_schedules


class Command(OperatorCommand):
    """Make queues, table, time limits and schedules; running it again changes nothing."""

    help = (
        "Make the SQS queues, the DynamoDB table, the database role's time limits and beat's "
        "schedules, where they are missing."
    )
    after_outage = "Run it again: it makes what is missing."

    def handle(self, *_arguments: Any, **_options: Any) -> None:
        """Run the command. Raise CommandError with what AWS refused."""
        try:
            ensure_queues()
            self.stdout.write("The queue and its dead-letter queue are there.")
            ensure_table()
            self.stdout.write("The table is there.")
        except (BotoCoreError, ClientError) as error:
            raise CommandError(
                f"AWS failed: {error}. `python manage.py doctor` shows what to mend; then run this "
                "again."
            ) from error
        ensure_bounds()
        self.stdout.write("The database role has its time limits.")
        ensure_schedules()
        self.stdout.write("The schedules are there.")
