"""`manage.py erase --contact URN --project UUID`"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from apps.common.errors import Unavailable
from apps.common.lossless_json import escape
from apps.conversations import erasing
from apps.conversations.models import Erasure
from operations import contact_erasure
from operations.management.command_line import (
    InvalidArgument,
    OperatorCommand,
    add_wait,
    add_yes,
    confirm,
    format_time,
    known_project,
    uuid,
)
from tasks.erasing import publish_erasures

DEFAULT_WAIT = 60.0


class Command(OperatorCommand):
    """Erase a contact from all stores of this service, and list what it cannot erase.

    The command requests the erasure, and workers carry it out group by group. Another run continues
    with earlier requests that are not done.
    """

    help = "Erase a contact of a project: conversations, messages, survey answers, dead letters."
    after_outage = "Run this again to continue."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments of the command line."""
        parser.add_argument("--contact", type=_urn, required=True, metavar="URN")
        parser.add_argument("--project", type=uuid, required=True, metavar="UUID")
        add_yes(parser)
        add_wait(parser, default=DEFAULT_WAIT)
        parser.add_argument(
            "--lake-ids",
            type=Path,
            metavar="FILE",
            help="write the event ids in the data lake to this file",
        )

    def handle(
        self,
        *,
        contact: str,
        project: UUID,
        yes: bool,
        wait: float,
        lake_ids: Path | None,
        **_options: Any,
    ) -> None:
        """Run the command. Raise CommandError if not everything was erased."""
        known_project(project)
        if lake_ids:
            _check_writable(lake_ids)
        earlier = erasing.erasures_done(project_uuid=project, urn=contact)
        if earlier:
            self._print(
                f"Removed earlier, most recently at {format_time(earlier[-1].erased_at)}",
                contact_erasure.count_removed(earlier),
            )
        self._print("Found", contact_erasure.count_contact_data(project_uuid=project, urn=contact))
        confirm("This deletes all of it and the contact's dead letters permanently.", yes=yes)
        erasures = contact_erasure.request_erasure(project_uuid=project, urn=contact)
        ids = [erasure.uuid for erasure in erasures]
        unsent = publish_erasures(erasures)
        pending = 0 if unsent else contact_erasure.wait_until_erased(ids, seconds=wait)
        dead_letters, problems = self._erase_dead_letters(project, contact, erasures)
        self._print_removed(project, contact, ids, dead_letters)
        self._print_lake(project, contact, lake_ids)
        if unsent:
            problems.append(f"SQS did not accept {unsent} of {len(ids)} tasks. Run this again.")
        if pending:
            problems.append(
                f"{pending} of {len(ids)} groups are not erased yet. The workers will erase them. "
                "Run this again to see the result."
            )
        if problems:
            raise CommandError("\n".join(problems))

    def _erase_dead_letters(
        self, project_uuid: UUID, urn: str, erasures: Sequence[Erasure]
    ) -> tuple[int, list[str]]:
        """Return the number of deleted dead letters, and a sentence for each problem."""
        try:
            search = contact_erasure.erase_from_dead_letter_queue(
                project_uuid=project_uuid, urn=urn, erasures=erasures
            )
        except Unavailable as error:
            return 0, [f"The dead letters could not be searched: {error.message}. Run this again."]
        if search.complete and search.unseen:
            self.stdout.write(
                f"About {search.unseen} dead letters were not examined. They are in groups of "
                "other contacts, behind letters of these contacts."
            )
        return search.deleted, [] if search.complete else [
            f"Not all dead letters could be searched. About {search.unseen} were not examined. "
            "Run this again."
        ]

    def _print_removed(
        self, project_uuid: UUID, urn: str, erasure_uuids: Collection[UUID], dead_letters: int
    ) -> None:
        done = erasing.erasures_done(project_uuid=project_uuid, urn=urn)
        removed = contact_erasure.count_removed(
            erasure for erasure in done if erasure.uuid in erasure_uuids
        )
        removed["dead_letters"] += dead_letters
        self._print("Removed", removed)
        left = erasing.conversations_of_contact(project_uuid=project_uuid, urn=urn)
        if left:
            self.stdout.write(f"The contact has {len(left)} conversations that are not erased.")

    def _print_lake(self, project_uuid: UUID, urn: str, file: Path | None) -> None:
        event_ids = contact_erasure.lake_event_ids(project_uuid=project_uuid, urn=urn)
        self.stdout.write(
            f"{len(event_ids)} answers of this contact were sent to the data lake. This command "
            "cannot remove them."
        )
        if file:
            file.write_text("".join(f"{one}\n" for one in event_ids), encoding="utf-8")
            self.stdout.write(f"Their event ids are in {file}.")

    def _print(self, heading: str, counts: Mapping[str, int]) -> None:
        self.stdout.write(f"{heading}:")
        for name, label in contact_erasure.LABELS.items():
            if name in counts:
                self.stdout.write(f"  {counts[name]:>7}  {label}")


def _urn(text: str) -> str:
    """Return the URN in the form in which it is stored. Raise InvalidArgument if it is empty."""
    if not text:
        raise InvalidArgument("--contact is empty: pass the contact's URN, as in its events.")
    return escape(text)


def _check_writable(file: Path) -> None:
    """Raise CommandError if the file cannot be written. Call it before anything is removed."""
    try:
        file.touch()
    except OSError as error:
        raise CommandError(
            f"{file} cannot be written: {error.strerror}. Pass another file."
        ) from error
