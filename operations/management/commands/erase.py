"""`manage.py erase --contact URN --project UUID`"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from apps.common.errors import Unavailable
from apps.common.lossless_json import escape
from apps.common.whole_files import FILE_MODE
from apps.conversations import erasing
from apps.conversations.erasure_models import Erasure
from operations import contact_erasure
from operations.management.command_line import (
    InvalidArgument,
    OperatorCommand,
    add_wait,
    add_yes,
    confirm,
    count,
    format_time,
    known_project,
    uuid,
)
from tasks.erasing import publish_erasure

DEFAULT_WAIT = 60.0
SCOPE = (
    "This is about one URN in one project, on all its channels. Other URNs of the same person, and "
    "the same URN in other projects, need runs of their own."
)
OUT_OF_REACH = """\
- Exports of dead letters, transcripts and reports that operators saved.
- Backups, and the logs of PostgreSQL and AWS.
- Messages and dead letters of other contacts that quote this one."""


class Command(OperatorCommand):
    """Erase a contact from all stores of this service, and list what it cannot erase.

    The command requests the erasure, and a worker carries it out in its order on the queue. Another
    run continues with an earlier request that is not done.
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
        self.stdout.write(SCOPE)
        earlier = erasing.erasures_done(project_uuid=project, urn=contact)
        if earlier:
            self._print(
                f"Removed earlier, most recently at {format_time(earlier[-1].erased_at)}",
                contact_erasure.count_removed(earlier),
            )
        self._print("Found", contact_erasure.count_contact_data(project_uuid=project, urn=contact))
        confirm(
            "This deletes all of it permanently, with the letters in the dead-letter queue.",
            yes=yes,
        )
        erasure = contact_erasure.request_erasure(project_uuid=project, urn=contact)
        problem = self._carry_out(erasure, project, contact, wait)
        self._print_removed(erasure, project, contact)
        self._print_out_of_reach(project, contact, lake_ids)
        if problem:
            raise CommandError(problem)

    def _carry_out(self, erasure: Erasure, project_uuid: UUID, urn: str, wait: float) -> str:
        """Publish the erasure, wait for it, and delete the letters. Return a problem, or ""."""
        unsent = publish_erasure(erasure)
        if unsent:
            return (
                f"Tasks that SQS did not accept: {unsent} of {len(erasure.group_ids)}. "
                "Run this again."
            )
        if not contact_erasure.wait_until_erased(erasure.uuid, seconds=wait):
            return (
                "The contact is not erased yet. A worker will do that. Run this again to see the "
                "result, and to delete the dead letters that cannot be read."
            )
        dropped, problem = 0, ""
        try:
            letters = contact_erasure.collect_letters(
                project_uuid=project_uuid, urn=urn, seconds=wait
            )
        except Unavailable as error:
            problem = (
                f"The dead-letter queue could not be searched: {error.message}. Run this again."
            )
        else:
            dropped = letters.dropped
            if letters.left:
                problem = (
                    f"About {count(letters.left, 'dead letter')} could not be examined: "
                    "another receiver has them, or SQS still counts deleted ones. Run this again "
                    "in a minute."
                )
        contact_erasure.delete_letters(
            erasure.uuid, project_uuid=project_uuid, urn=urn, dropped=dropped
        )
        return problem

    def _print_removed(self, erasure: Erasure, project_uuid: UUID, urn: str) -> None:
        done = erasing.erasures_done(project_uuid=project_uuid, urn=urn)
        self._print("Removed", contact_erasure.count_removed(one for one in done if one == erasure))
        left = erasing.conversations_of(project_uuid=project_uuid, urn=urn)
        if left:
            self.stdout.write(f"Conversations that the contact has now: {len(left)}.")

    def _print_out_of_reach(self, project_uuid: UUID, urn: str, file: Path | None) -> None:
        event_ids = contact_erasure.lake_event_ids(project_uuid=project_uuid, urn=urn)
        self.stdout.write("Out of reach of this command:")
        self.stdout.write(f"- Events of this contact in the data lake: {len(event_ids)}.")
        self.stdout.write(OUT_OF_REACH)
        if file:
            file.write_text("".join(f"{one}\n" for one in event_ids), encoding="utf-8")
            self.stdout.write(f"The ids of the events in the data lake are in {file}.")

    def _print(self, heading: str, counts: Mapping[str, int]) -> None:
        self.stdout.write(f"{heading}:")
        for name, label in contact_erasure.LABELS.items():
            self.stdout.write(f"  {counts[name]:>7}  {label}")


def _urn(text: str) -> str:
    """Return the URN in the form in which it is stored. Raise InvalidArgument if it is empty."""
    if not text.strip():
        raise InvalidArgument("--contact is empty: pass the contact's URN, as in its events.")
    return escape(text.strip())


def _check_writable(file: Path) -> None:
    """Raise CommandError if the file cannot be written. Call it before anything is removed."""
    try:
        os.close(os.open(file, os.O_CREAT | os.O_WRONLY, FILE_MODE))
    except OSError as error:
        raise CommandError(
            f"{file} cannot be written: {error.strerror}. Pass another file."
        ) from error
