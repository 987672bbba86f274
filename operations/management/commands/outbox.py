"""`manage.py outbox`"""

from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser
from django.db.models import Count, Min, Q

from apps.analytics import datalake
from apps.analytics.models import OutboxEvent
from apps.analytics.retrying import retry_refused
from apps.conversations.audit import command_line
from operations.management.command_line import OperatorCommand, count, format_time, uuid
from operations.management.outages import outage_sentence, schema_sentence
from tasks.datalake import send_data_lake_event

SHOWN = 20


class Command(OperatorCommand):
    """Show the events that wait for the data lake, and send refused events again."""

    help = "Show the events that wait for the data lake, or send refused events again."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the two actions."""
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="show how many events wait, and which the lake refused")
        retry = actions.add_parser("retry", help="send refused events again, and all waiting ones")
        retry.add_argument(
            "event_ids", nargs="*", type=uuid, metavar="EVENT_ID", help="only these (default: all)"
        )

    def handle(self, *_arguments: Any, **options: Any) -> None:
        """Run the command. Raise CommandError if nothing can be sent."""
        if options["action"] == "list":
            self._list()
        else:
            self._retry(options["event_ids"])

    def _list(self) -> None:
        waits = Q(delivered_at=None, refusal="")
        counts = OutboxEvent.objects.aggregate(
            waiting=Count("pk", filter=waits),
            oldest=Min("created_at", filter=waits),
            delivered=Count("pk", filter=~Q(delivered_at=None)),
        )
        refused = OutboxEvent.objects.exclude(refusal="").order_by("id")
        since = f", the oldest since {format_time(counts['oldest'])}" if counts["oldest"] else ""
        if datalake.is_off():
            self.stdout.write("The data lake is off (DATALAKE_URL=none): nothing is sent.")
        delivered = count(counts["delivered"], "was", "were")
        self.stdout.write(f"{count(counts['waiting'], 'waits', 'wait')}{since}")
        self.stdout.write(f"{delivered} delivered within the last week")
        self.stdout.write(f"{count(refused.count(), 'was', 'were')} refused")
        for event in refused[:SHOWN]:
            self.stdout.write(
                f"  {event.event_id}  {format_time(event.created_at)}  {event.refusal}"
            )

    def _retry(self, event_ids: list[UUID]) -> None:
        if datalake.is_off():
            raise CommandError("The data lake is off (DATALAKE_URL=none): nothing is sent.")
        retried = retry_refused(actor=command_line(), event_ids=event_ids)
        if event_ids and retried < len(set(event_ids)):
            others = count(len(set(event_ids)) - retried, "of these is", "of these are")
            self.stderr.write(f"{others} not refused.")
        try:
            send_data_lake_event.apply_async()
        except Exception as error:
            sentence = schema_sentence(error) or outage_sentence(error)
            sentence = sentence or f"The queue is unavailable ({type(error).__name__})."
            raise CommandError(
                f"{sentence} {retried} will be sent again after beat's next run."
            ) from error
        self.stdout.write(f"{retried} will be sent again.")
