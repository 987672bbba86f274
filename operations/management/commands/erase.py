"""`manage.py erase --contact URN --project UUID`"""

import logging
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from apps.analytics.erasing import find_answers
from apps.common.clock import now
from apps.common.errors import Unavailable, database_may_be_unavailable
from apps.common.lossless_json import escape
from apps.conversations import audit, erasing
from apps.conversations.models import AuditAction, Erasure, Project
from apps.conversations.project_settings import parse_uuid
from apps.messages.erasing import count_archived, count_stored
from tasks.deadletters.erase import erase_dead_letters
from tasks.erasing import send

logger = logging.getLogger(__name__)

LOOK_EVERY = 0.5
# What is counted, and how it is called.
NAMES = {
    "conversations": "conversations",
    "archived_messages": "archived messages",
    "dynamodb_messages": "messages in DynamoDB",
    "survey_answers": "survey answers",
    "outbox_events": "outbox events",
    "dead_letters": "dead letters",
}


class Command(BaseCommand):
    """Erases a contact from all stores of this service, and says what it cannot reach.

    What is removed is asked for here and done by workers, group by group. Run again, it goes on
    with what was asked for before and is not done.
    """

    help = "Erase a contact of a project: conversations, messages, survey answers, dead letters."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what the command line takes."""
        parser.add_argument("--contact", required=True, metavar="URN")
        parser.add_argument("--project", required=True, metavar="UUID")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument(
            "--wait", type=float, default=60, metavar="SECONDS", help="for the workers, at most"
        )
        parser.add_argument(
            "--lake-ids", type=Path, metavar="FILE", help="write the lake's event ids there"
        )

    def handle(self, **options: Any) -> None:
        """Run the command. What fails half-way is told, and done by running it again."""
        try:
            with database_may_be_unavailable():
                self._erase(**options)
        except Unavailable as error:
            raise CommandError(f"{error}. Run this again: it goes on where it was.") from error

    def _erase(
        self,
        *,
        contact: str,
        project: str,
        yes: bool,
        wait: float,
        lake_ids: Path | None,
        **_others: Any,
    ) -> None:
        project_uuid, urn = _known_project(project), _urn(contact)
        if lake_ids:
            _check_writable(lake_ids)
        earlier = erasing.erasures_done(project_uuid=project_uuid, urn=urn)
        if earlier:
            self._tell(f"Removed before, the last at {earlier[-1].erased_at}", _sum(earlier))
        self._tell("There is", _found(project_uuid, urn))
        if not yes:
            _confirm()
        erasures = _asked(project_uuid, urn)
        ids = [erasure.uuid for erasure in erasures]
        told = {"project_uuid": str(project_uuid), "erasures": [str(one) for one in ids]}
        logger.info("an erasure was asked for", extra=told)
        unsent = send(erasures)
        pending = 0 if unsent else self._wait(ids, seconds=wait)
        dead_letters, problems = self._erase_dead_letters(project_uuid, urn, erasures)
        self._report(project_uuid, urn, ids, dead_letters)
        self._tell_of_lake(project_uuid, urn, lake_ids)
        if unsent:
            problems.append(f"SQS did not take {unsent} of {len(ids)} tasks. Run this again.")
        if pending:
            problems.append(
                f"{pending} of {len(ids)} groups are still to be erased: the workers will do it. "
                "Run this again to see."
            )
        if problems:
            raise CommandError("\n".join(problems))

    def _wait(self, erasure_uuids: Collection[UUID], *, seconds: float) -> int:
        """Until all are done, or for so long; gives how many are not."""
        deadline = time.monotonic() + seconds
        pending = Erasure.objects.filter(uuid__in=erasure_uuids, erased_at=None)
        while (count := pending.count()) and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY)
        return count

    def _erase_dead_letters(
        self, project_uuid: UUID, urn: str, erasures: Sequence[Erasure]
    ) -> tuple[int, list[str]]:
        """How many were deleted, and what could not be done, in sentences."""
        groups = {erasure.group_id for erasure in erasures}
        groups.discard(erasing.GROUP_OF_CONTACTS_WITHOUT_CONVERSATIONS)
        try:
            search = erase_dead_letters(project_uuid=project_uuid, urn=urn, group_ids=groups)
        except (BotoCoreError, ClientError) as error:
            return 0, [f"The dead letters could not be searched: {_short(error)}. Run this again."]
        told = {"project_uuid": str(project_uuid), "deleted": search.deleted}
        logger.info("dead letters were searched for an erased contact", extra=told)
        if search.complete and search.unseen:
            self.stdout.write(
                f"About {search.unseen} dead letters were not looked at: they stand behind those "
                "of other contacts, in groups of theirs."
            )
        return search.deleted, [] if search.complete else [
            f"Not all dead letters could be searched, about {search.unseen} were not looked at. "
            "Run this again."
        ]

    def _report(
        self, project_uuid: UUID, urn: str, erasure_uuids: Collection[UUID], dead_letters: int
    ) -> None:
        done = erasing.erasures_done(project_uuid=project_uuid, urn=urn)
        removed = _sum(erasure for erasure in done if erasure.uuid in erasure_uuids)
        removed["dead_letters"] += dead_letters
        self._tell("Removed", removed)
        left = erasing.conversations_of_contact(project_uuid=project_uuid, urn=urn)
        if left:
            self.stdout.write(f"The contact has {len(left)} conversations that are not erased.")

    def _tell_of_lake(self, project_uuid: UUID, urn: str, file: Path | None) -> None:
        """Of all erasures of the contact: the lake still has what it was told before each."""
        done = erasing.erasures_done(project_uuid=project_uuid, urn=urn)
        event_ids = [one for erasure in done for one in erasure.removed["lake_event_ids"]]
        self.stdout.write(
            f"The data lake was told {len(event_ids)} answers of this contact. They cannot be "
            "removed from here."
        )
        if file:
            file.write_text("".join(f"{one}\n" for one in event_ids), encoding="utf-8")
            self.stdout.write(f"Their event ids are in {file}.")

    def _tell(self, heading: str, counts: Mapping[str, int]) -> None:
        self.stdout.write(f"{heading}:")
        for name, text in NAMES.items():
            if name in counts:
                self.stdout.write(f"  {counts[name]:>7}  {text}")


@transaction.atomic
def _asked(project_uuid: UUID, urn: str) -> list[Erasure]:
    """What is to be done, with an entry in the audit log that has the contact's hash."""
    erasures = erasing.request(project_uuid=project_uuid, urn=urn, now=now())
    audit.record(
        actor=audit.command_line(),
        action=AuditAction.ERASE,
        of="contact",
        object_id=erasing.contact_hash(project_uuid=project_uuid, urn=urn),
        project=str(project_uuid),
        erasures=[str(erasure.uuid) for erasure in erasures],
    )
    return erasures


def _known_project(text: str) -> UUID:
    try:
        uuid = parse_uuid(text)
    except ValueError as problem:
        raise CommandError(str(problem)) from None
    if not Project.objects.filter(uuid=uuid).exists():
        raise CommandError(f"There is no project {uuid}.")
    return uuid


def _urn(text: str) -> str:
    """In the form in which events have it stored."""
    if not text:
        raise CommandError("--contact is empty: give the contact's URN, as its events have it.")
    return escape(text)


def _check_writable(file: Path) -> None:
    """Before anything is removed."""
    try:
        file.touch()
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}.") from error


def _found(project_uuid: UUID, urn: str) -> dict[str, int]:
    conversations = erasing.conversations_of_contact(project_uuid=project_uuid, urn=urn)
    answers = find_answers(project_uuid=project_uuid, urn=urn, conversation_uuids=conversations)
    return {
        "conversations": len(conversations),
        "archived_messages": count_archived(conversations),
        "dynamodb_messages": count_stored(conversations),
        "survey_answers": answers.answers,
        "outbox_events": answers.outbox_events,
    }


def _sum(erasures: Iterable[Erasure]) -> dict[str, int]:
    """What they have removed together."""
    removed: Counter[str] = Counter()
    for erasure in erasures:
        removed.update({name: erasure.removed.get(name, 0) for name in NAMES})
    return {name: removed[name] for name in NAMES}


def _confirm() -> None:
    try:
        said = input("Remove all this, and the contact's dead letters, for ever? Type yes: ")
    except EOFError:
        said = ""
    if said.strip().lower() != "yes":
        raise CommandError("Nothing was removed. In scripts, use --yes.")


def _short(error: BotoCoreError | ClientError) -> str:
    if isinstance(error, ClientError):
        return str(error.response["Error"]["Code"])
    return type(error).__name__
