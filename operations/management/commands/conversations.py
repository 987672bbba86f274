"""`manage.py conversations close|reopen|show`"""

from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from apps.common.errors import Unavailable
from apps.common.lossless_json import dump
from apps.conversations import operator_requests
from apps.conversations.models import Conversation, Resolution
from apps.messages.transcript import transcript
from operations import conversation_requests
from operations.conversation_facts import facts, state
from operations.management.command_line import (
    OperatorCommand,
    add_wait,
    add_yes,
    confirm,
    printable,
    uuid,
)

RESOLUTIONS = {
    resolution.name.lower(): resolution
    for resolution in Resolution
    if resolution is not Resolution.IN_PROGRESS
}
DEFAULT_WAIT = 30.0
# So that a script can tell "not yet" from "refused", which is 1.
NOT_YET = 2


class Command(OperatorCommand):
    """Write a request; a worker carries it out when its turn comes in the group."""

    help = "Close or reopen a conversation, in its turn among its messages, or show it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what the command line takes."""
        actions = parser.add_subparsers(dest="action", required=True)
        closing = actions.add_parser("close", help="close one that is in progress")
        reopening = actions.add_parser("reopen", help="have a closed one in progress again")
        showing = actions.add_parser("show", help="what is known of one")
        for action in (closing, reopening, showing):
            action.add_argument("uuid", type=uuid)
        closing.add_argument("--resolution", choices=RESOLUTIONS, default="unclassified")
        for action in (closing, reopening):
            add_yes(action)
            add_wait(action, default=DEFAULT_WAIT)
        showing.add_argument(
            "--messages",
            action="store_true",
            help="the messages instead, as JSON lines, escaped as in the archive",
        )

    def handle(self, *, action: str, uuid: UUID, **options: Any) -> None:
        """Run the command. Raise CommandError with a sentence for whatever keeps it from that."""
        conversation = _conversation(uuid)
        try:
            match action:
                case "show":
                    self._show(conversation, messages=options["messages"])
                case "close":
                    self._close(conversation, **options)
                case "reopen":
                    self._reopen(conversation, **options)
        except operator_requests.Refused as refused:
            raise CommandError(str(refused)) from None

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
        confirm(f"This closes {uuid} as {resolution}; it {state(conversation)}.", yes=yes)
        conversation_requests.request_close(uuid, resolution=RESOLUTIONS[resolution])
        self._have_it_done(conversation, wait=wait)

    def _reopen(
        self, conversation: Conversation, *, yes: bool, wait: float, **_options: Any
    ) -> None:
        uuid = conversation.uuid
        confirm(f"This reopens {uuid}; it {state(conversation)}.", yes=yes)
        conversation_requests.request_reopen(uuid)
        self._have_it_done(conversation, wait=wait)

    def _have_it_done(self, before: Conversation, *, wait: float) -> None:
        """Send the request, and wait for it. Raise CommandError if it is refused or not done."""
        try:
            conversation_requests.send_requests()
        except Unavailable as error:
            self.stderr.write(
                f"{error}. The request is written: beat has it done within a minute of the queue "
                "being back."
            )
        if not wait:
            self.stdout.write(f"It is asked for: {before.uuid} has its turn in its group.")
            return
        after = conversation_requests.wait_until_done(before.uuid, seconds=wait)
        if after is None:
            raise CommandError(
                f"It is not done after {wait:g} seconds, and still wanted: its turn in its group "
                "has yet to come. `conversations show` shows when it is done.",
                returncode=NOT_YET,
            )
        if conversation_requests.reopening_was_refused(before=before, after=after):
            raise CommandError(
                f"{after.uuid} was not reopened: by its turn, another one of the same contact was "
                "in progress. Close that one first."
            )
        self.stdout.write(f"Done: {after.uuid} {state(after)}.")

    def _show(self, conversation: Conversation, *, messages: bool) -> None:
        if messages:
            conversation_requests.record_reading(conversation.uuid)
            for document in transcript(conversation.uuid):
                self.stdout.write(dump(document))
            return
        for name, value in facts(conversation).items():
            self.stdout.write(f"{name:<20}{printable(str(value))}")


def _conversation(uuid: UUID) -> Conversation:
    try:
        return Conversation.objects.select_related("project").get(uuid=uuid)
    except Conversation.DoesNotExist:
        raise CommandError(f"There is no conversation {uuid}: the admin site lists all.") from None
