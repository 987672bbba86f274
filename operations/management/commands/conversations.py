"""`manage.py conversations close|reopen|show`"""

import logging
import time
from argparse import ArgumentTypeError
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from apps.common.clock import now
from apps.common.errors import Unavailable, database_may_be_unavailable
from apps.common.lossless_json import dump
from apps.conversations import audit, operator_requests
from apps.conversations.models import AuditAction, Conversation, Resolution
from apps.conversations.project_settings import parse_uuid
from apps.messages import store
from apps.messages.transcript import transcript
from tasks.closing import close_due_conversations

RESOLUTIONS = {
    resolution.name.lower(): resolution
    for resolution in Resolution
    if resolution is not Resolution.IN_PROGRESS
}
DEFAULT_WAIT = 30.0
LOOK_EVERY = 0.2
# So that a script can tell "not yet" from "refused", which is 1.
NOT_YET = 2

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """Writes what is wanted; a worker carries it out when its turn comes in the group."""

    help = "Close or reopen a conversation, in its turn among its messages, or show it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what the command line takes."""
        actions = parser.add_subparsers(dest="action", required=True)
        closing = actions.add_parser("close", help="close one that is in progress")
        reopening = actions.add_parser("reopen", help="have a closed one in progress again")
        showing = actions.add_parser("show", help="what is known of one")
        for action in (closing, reopening, showing):
            action.add_argument("uuid")
        closing.add_argument("--resolution", choices=RESOLUTIONS, default="unclassified")
        for action in (closing, reopening):
            action.add_argument("--yes", action="store_true", help="do not ask")
            action.add_argument(
                "--wait",
                type=_seconds,
                default=DEFAULT_WAIT,
                metavar="SECONDS",
                help="how long to wait until it is done; 0: not at all (default: 30)",
            )
        showing.add_argument(
            "--messages",
            action="store_true",
            help="the messages instead, as JSON lines, escaped as in the archive",
        )

    def handle(self, *, action: str, uuid: str, **options: Any) -> None:
        """Run the command. Raises CommandError with a sentence for whatever keeps it from that."""
        try:
            with database_may_be_unavailable():
                conversation = _conversation(uuid)
                if action == "show":
                    self._show(conversation, messages=options["messages"])
                else:
                    self._change(conversation, action, **options)
        except operator_requests.Refused as refused:
            raise CommandError(str(refused)) from None
        except Unavailable as error:
            raise CommandError(f"{error}. Run it again later.") from error

    def _change(
        self,
        conversation: Conversation,
        action: str,
        *,
        yes: bool,
        wait: float,
        resolution: str = "",
        **_options: Any,
    ) -> None:
        if not yes:
            wish = f"{action} {conversation.uuid}" + (f" as {resolution}" if resolution else "")
            _ask(f"{wish.capitalize()}? It {_state(conversation)}.")
        with transaction.atomic():
            if action == "close":
                operator_requests.request_close(
                    conversation_uuid=conversation.uuid,
                    resolution=RESOLUTIONS[resolution],
                    now=now(),
                )
                _record(AuditAction.CLOSE, conversation, resolution=resolution)
            else:
                operator_requests.request_reopen(conversation_uuid=conversation.uuid, now=now())
                _record(AuditAction.REOPEN, conversation)
        logger.info("asked by hand", extra={"conversation": str(conversation.uuid), "for": action})
        self._send_at_once()
        if wait:
            self.stdout.write(_became(conversation, _when_settled(conversation.uuid, wait=wait)))
        else:
            self.stdout.write(f"It is asked for: {conversation.uuid} has its turn in its group.")

    def _send_at_once(self) -> None:
        """The sweep that beat starts every minute, now: it sends the pointer through the group."""
        try:
            close_due_conversations.apply_async(deduplication_id=str(uuid4()))
        except Exception as error:
            logger.warning("no tick was sent", extra={"error": type(error).__name__})
            self.stderr.write(
                f"The queue could not be told ({type(error).__name__}). What is wanted is written: "
                "beat has it done within a minute of the queue being back."
            )

    def _show(self, conversation: Conversation, *, messages: bool) -> None:
        if messages:
            _record(AuditAction.READ, conversation)
            for document in transcript(conversation.uuid):
                self.stdout.write(dump(document))
            return
        for name, value in _facts(conversation).items():
            self.stdout.write(f"{name:<20}{value}")


def _record(action: AuditAction, conversation: Conversation, **detail: str) -> None:
    audit.record(
        actor=audit.command_line(),
        action=action,
        of=Conversation,
        object_id=conversation.uuid,
        **detail,
    )


def _conversation(text: str) -> Conversation:
    """Raises CommandError with a sentence unless there is one."""
    try:
        uuid = parse_uuid(text)
        return Conversation.objects.select_related("project").get(uuid=uuid)
    except ValueError as problem:
        raise CommandError(str(problem)) from None
    except Conversation.DoesNotExist:
        raise CommandError(f"There is no conversation {uuid}.") from None


def _ask(question: str) -> None:
    """Raises CommandError unless the answer is yes."""
    try:
        answer = input(f"{question} [y/N] ")
    except EOFError:
        raise CommandError("Nothing was done: nobody answered. Scripts pass --yes.") from None
    if answer.strip().casefold() not in ("y", "yes"):
        raise CommandError("Nothing was done.")


def _when_settled(uuid: UUID, *, wait: float) -> Conversation:
    """The conversation when nothing is wanted of it any more. Raises CommandError if not by then.

    `wait` is in seconds.
    """
    deadline = time.monotonic() + wait
    conversations = Conversation.objects.select_related("project")
    while (current := conversations.get(uuid=uuid)).wanted_resolution is not None:
        if time.monotonic() >= deadline:
            raise CommandError(
                f"It is not done after {wait:g} seconds, and still wanted: its turn in its group "
                "has yet to come. `conversations show` tells when it is done.",
                returncode=NOT_YET,
            )
        time.sleep(LOOK_EVERY)
    return current


def _became(before: Conversation, after: Conversation) -> str:
    """What became of a wish. Raises CommandError if it was refused when its turn came."""
    was_reopened = after.opened_at != before.opened_at
    if before.resolution != Resolution.IN_PROGRESS and not was_reopened:
        raise CommandError(
            f"{after.uuid} was not reopened: by its turn, another one of the same contact was in "
            "progress. Close that one first."
        )
    return f"Done: {after.uuid} {_state(after)}."


def _state(conversation: Conversation) -> str:
    label = _label(conversation.resolution)
    if conversation.resolution == Resolution.IN_PROGRESS:
        return f"is in progress, and closes at {_moment(conversation.closes_at)}"
    archive = "archived" if conversation.archived_at else "being archived"
    return f"was closed as {label} at {_moment(conversation.ended_at)}, and is {archive}"


def _facts(conversation: Conversation) -> dict[str, object]:
    project = conversation.project
    stored = sum(len(batch.entries) for batch in store.batches(conversation.uuid))
    local = conversation.closes_at.astimezone(ZoneInfo(project.timezone))
    return {
        "conversation": conversation.uuid,
        "project": f"{project.uuid} {project.name}".strip(),
        "channel": conversation.channel_uuid,
        "resolution": _label(conversation.resolution),
        "started at": _moment(conversation.started_at),
        "opened at": _moment(conversation.opened_at),
        "closes at": f"{_moment(conversation.closes_at)}, {local:%Y-%m-%d %H:%M:%S} in "
        f"{project.timezone}",
        "put off from": _moment(conversation.postponed_from),
        "ended at": _moment(conversation.ended_at),
        "first message at": _moment(conversation.first_message_at),
        "last message at": _moment(conversation.last_message_at),
        "CSAT": _score(conversation.csat),
        "NPS": _score(conversation.nps),
        "messages": f"{conversation.message_count} archived, {stored} in DynamoDB",
        "archived at": _moment(conversation.archived_at),
        "next archiving at": _moment(conversation.archive_check_at),
        "wanted": _wanted(conversation),
        "next due at": _moment(conversation.due_at),
        "claimed at": _moment(conversation.close_requested_at),
    }


def _wanted(conversation: Conversation) -> str:
    match conversation.wanted_resolution:
        case None:
            return "nothing"
        case Resolution.IN_PROGRESS:
            return "to be reopened"
        case wanted:
            return f"to be closed as {_label(wanted)}"


def _label(resolution: int) -> str:
    return Resolution(resolution).label.lower()


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "-"


def _score(score: int | None) -> str:
    return "-" if score is None else str(score)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= 24 * 3600:
        raise ArgumentTypeError(f"{text[:20]} is not a number of seconds, from 0 to 86400")
    return seconds
