"""`manage.py provision`"""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.core.management.base import CommandError

from operations.database_time_limits import ensure_time_limits
from operations.management.command_line import OperatorCommand
from operations.provisioning import ensure_queues, ensure_table
from tasks.schedules import ensure_schedules


class Command(OperatorCommand):
    """Create queues, table, time limits and schedules. Running it again changes nothing."""

    help = (
        "Create the SQS queues, the DynamoDB table, the database role's time limits and beat's "
        "schedules, if they are missing."
    )
    after_outage = "Run it again to create what is missing."

    def handle(self, *_arguments: Any, **_options: Any) -> None:
        """Run the command. Raise CommandError if AWS fails."""
        try:
            ensure_queues()
            self.stdout.write("The queue and its dead-letter queue exist.")
            ensure_table()
            self.stdout.write("The table exists.")
        except (BotoCoreError, ClientError) as error:
            raise CommandError(
                f"AWS failed: {error}. `python manage.py doctor` shows what to fix. Then run this "
                "again."
            ) from error
        ensure_time_limits()
        self.stdout.write("The database role has its time limits.")
        ensure_schedules()
        self.stdout.write("The schedules exist.")
