"""`manage.py conversations close|reopen|show|reconcile`"""

from itertools import chain, islice
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from apps.common.errors import Unavailable
from apps.common.lossless_json import dump
from apps.conversations import operator_requests
from apps.conversations.models import Conversation, Resolution
from apps.messages.compression import Unreadable
from apps.messages.raw_items import raw_items
from apps.messages.transcript import transcript
from operations import conversation_requests
from operations.conversation_facts import describe_state, facts
from operations.management.command_line import (
    OperatorCommand,
    add_wait,
    add_yes,
    confirm,
    uuid,
)
from operations.management.reconciliation import (
    AFTER_OUTAGE,
    add_reconciling,
    reconcile_from_dynamodb,
)
from operations.transcript_text import transcript_lines

RESOLUTIONS = {
    resolution.name.lower(): resolution
    for resolution in Resolution
    if resolution is not Resolution.IN_PROGRESS
}
DEFAULT_WAIT = 30.0
# The exit status if the request is not done in time. A refused request has status 1.
EXIT_NOT_DONE = 2


class Command(OperatorCommand):
    """Store a request, which a worker carries out in the message group of the conversation.

    `reconcile` is for all conversations, after PostgreSQL was restored to an earlier time.
    """

    help = (
        "Show a conversation, or close or reopen it after the messages that are queued already. Or "
        "restore what PostgreSQL lacks after it was restored to an earlier time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments of the command line."""
        actions = parser.add_subparsers(dest="action", required=True)
        closing = actions.add_parser("close", help="close a conversation that is in progress")
        reopening = actions.add_parser("reopen", help="reopen a closed conversation")
        showing = actions.add_parser("show", help="show a conversation")
        reconciling = actions.add_parser(
            "reconcile",
            help="restore from DynamoDB what PostgreSQL lacks after it was restored to an earlier "
            "time",
        )
        add_reconciling(reconciling)
        for action in (closing, reopening, showing):
            action.add_argument("uuid", type=uuid)
        closing.add_argument("--resolution", choices=RESOLUTIONS, default="unclassified")
        for action in (closing, reopening):
            add_yes(action)
            add_wait(action, default=DEFAULT_WAIT)
        instead = showing.add_mutually_exclusive_group()
        instead.add_argument("--messages", action="store_true", help="show the transcript instead")
        instead.add_argument(
            "--json",
            action="store_true",
            help="show the messages instead, as JSON lines, escaped as in the archive",
        )
        instead.add_argument(
            "--raw",
            action="store_true",
            help="show the items in DynamoDB instead, decompressed, as JSON lines",
        )

    def handle(self, *, action: str, **options: Any) -> None:
        """Run the command. Raise CommandError if the request is refused or not done in time."""
        if action == "reconcile":
            self.after_outage = AFTER_OUTAGE
            reconcile_from_dynamodb(self.stdout, **options)
        elif action == "show" and options["raw"]:
            self._show_raw(options["uuid"])
        else:
            self._handle_one(action, **options)

    def _handle_one(self, action: str, *, uuid: UUID, **options: Any) -> None:
        conversation = _conversation(uuid)
        try:
            match action:
                case "show":
                    self._show(conversation, **options)
                case "close":
                    self._close(conversation, **options)
                case "reopen":
                    self._reopen(conversation, **options)
        except operator_requests.Refused as refused:
            raise CommandError(str(refused)) from None
        except Unreadable as error:
            raise CommandError(f"{error}.") from None

    def _show_raw(self, uuid: UUID) -> None:
        """Print the items of a conversation, which need not be in PostgreSQL."""
        items = raw_items(uuid)
        first = list(islice(items, 1))
        if not first:
            _conversation(uuid)
        conversation_requests.record_reading(uuid)
        for item in chain(first, items):
            self.stdout.write(dump(item))

    def _close(
        self,
        conversation: Conversation,
        *,
        resolution: str,
        yes: bool,
        wait: float,
        **_options: Any,
    ) -> None:
        uuid = conversation.uuid
        confirm(f"This closes {uuid} as {resolution}; it {describe_state(conversation)}.", yes=yes)
        conversation_requests.request_close(uuid, resolution=RESOLUTIONS[resolution])
        self._send_and_wait(conversation, wait=wait)

    def _reopen(
        self, conversation: Conversation, *, yes: bool, wait: float, **_options: Any
    ) -> None:
        uuid = conversation.uuid
        confirm(f"This reopens {uuid}; it {describe_state(conversation)}.", yes=yes)
        conversation_requests.request_reopen(uuid)
        self._send_and_wait(conversation, wait=wait)

    def _send_and_wait(self, before: Conversation, *, wait: float) -> None:
        """Send the request and wait for it. Raise CommandError if it is refused or not done."""
        try:
            conversation_requests.send_requests()
        except Unavailable as error:
            self.stderr.write(
                f"{error}. The request is stored: beat sends it within a minute after the queue is "
                "available again."
            )
        if not wait:
            self.stdout.write(
                f"The request for {before.uuid} is stored. A worker carries it out after the "
                "messages that are queued now."
            )
            return
        after = conversation_requests.wait_until_done(before.uuid, seconds=wait)
        if after is None:
            raise CommandError(
                f"The request was not carried out within {wait:g} seconds. It is still stored, and "
                "a worker carries it out after the messages that are queued now. `conversations "
                "show` shows the result.",
                returncode=EXIT_NOT_DONE,
            )
        if conversation_requests.reopening_was_refused(before=before, after=after):
            raise CommandError(
                f"{after.uuid} was not reopened, because another conversation of the same contact "
                "was in progress by then. Close that conversation first."
            )
        self.stdout.write(f"Done: {after.uuid} {describe_state(after)}.")

    def _show(
        self, conversation: Conversation, *, messages: bool, json: bool, **_options: Any
    ) -> None:
        if not (messages or json):
            for name, value in facts(conversation).items():
                self.stdout.write(f"{name:<20}{value}")
            return
        conversation_requests.record_reading(conversation.uuid)
        lines = transcript_lines(conversation) if messages else map(dump, transcript(conversation))
        for line in lines:
            self.stdout.write(line)


def _conversation(uuid: UUID) -> Conversation:
    try:
        return Conversation.objects.select_related("project").get(uuid=uuid)
    except Conversation.DoesNotExist:
        raise CommandError(
            f"There is no conversation {uuid}. The admin site lists all conversations."
        ) from None
