"""`manage.py provision`"""

from typing import Any

from django.core.management.base import BaseCommand

from operations.provisioning import ensure_queues, ensure_table
from tasks.schedules import ensure_schedules


class Command(BaseCommand):
    """Makes queue, dead-letter queue, table and schedules; running it again changes nothing."""

    help = "Make the SQS queues, the DynamoDB table and beat's schedules, where they are missing."

    def handle(self, *_arguments: Any, **_options: Any) -> None:
        """Run the command."""
        ensure_queues()
        self.stdout.write("The queue and its dead-letter queue are there.")
        ensure_table()
        self.stdout.write("The table is there.")
        ensure_schedules()
        self.stdout.write("The schedules are there.")
