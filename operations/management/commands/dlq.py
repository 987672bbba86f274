"""`manage.py dlq list|show|redrive|discard|export`"""

import logging
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.db.models import QuerySet

from apps.common.clock import now
from apps.common.errors import Unavailable, database_may_be_unavailable
from apps.conversations import audit
from apps.conversations.models import AuditAction
from apps.conversations.project_settings import parse_uuid
from apps.messages import dead_letters
from apps.messages.dead_letters import Selection
from apps.messages.models import DeadLetter
from tasks.deadletters.export import write_export
from tasks.deadletters.redrive import Redrive, redrive

logger = logging.getLogger(__name__)

DEFAULT_LIMIT = 100
DEFAULT_RATE = 50.0
TELL_EVERY = 1.0
PAGE = 50
FILTERS = ("ids", "reason", "project", "group", "since", "until")


class Command(BaseCommand):
    """Shows what is dead and why, has it run again in order, or removes it for ever."""

    help = "List, show, redrive, discard or export the dead letters that workers have collected."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what the command line takes."""
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="which there are, the oldest event first")
        showing = actions.add_parser("show", help="what is known of one")
        redriving = actions.add_parser("redrive", help="send them to the events' queue again")
        discarding = actions.add_parser("discard", help="remove them, leaving an export")
        exporting = actions.add_parser("export", help="write them to a file of JSON lines")
        exporting.add_argument("file", type=Path)
        for action in (listing, redriving, discarding, exporting):
            _add_filters(action)
        for action in (redriving, discarding):
            action.add_argument("--every", action="store_true", help="without any filter")
            action.add_argument("--yes", action="store_true", help="do not ask")
        listing.add_argument(
            "--limit", type=_limit, default=DEFAULT_LIMIT, help="at most so many (default: 100)"
        )
        showing.add_argument("id", type=int)
        showing.add_argument("--body", action="store_true", help="the event's body instead")
        redriving.add_argument(
            "--rate", type=_rate, default=DEFAULT_RATE, help="letters per second (default: 50)"
        )
        discarding.add_argument(
            "--export", type=Path, metavar="FILE", help="default: dead-letters-TIME.jsonl, here"
        )

    def handle(self, *, action: str, **options: Any) -> None:
        """Run the command. Cut off, or stopped by a failure, running it again goes on."""
        try:
            with database_may_be_unavailable():
                getattr(self, f"_{action}")(**options)
        except Unavailable as error:
            raise CommandError(f"{error}. Run this again later: it goes on.") from error

    def _list(self, *, limit: int, **options: Any) -> None:
        letters = list(dead_letters.select(_selection(options)).defer("body")[: limit + 1])
        for letter in letters[:limit]:
            self.stdout.write(_line(letter))
        if not letters:
            self.stdout.write("There are none.")
        if len(letters) > limit:
            self.stdout.write(f"There are more: these are the first {limit}, see --limit.")

    def _show(self, *, id: int, body: bool, **_options: Any) -> None:
        letter = DeadLetter.objects.filter(pk=id).first()
        if letter is None:
            raise CommandError(f"There is no dead letter {id}.")
        document = dead_letters.document_of(letter)
        text = document.pop("body")
        if body:
            _record(AuditAction.READ, [id])
            self.stdout.write(_printable(text))
            return
        for name, value in document.items():
            said = "-" if value in (None, "", {}) else _printable(str(value))
            self.stdout.write(f"{name:<20}{said}")
        self.stdout.write(f"{'body':<20}{len(text.encode(errors='surrogatepass'))} bytes: --body")

    def _redrive(self, *, rate: float, yes: bool, **options: Any) -> None:
        planned = dead_letters.plan(_wanted(options))
        groups = len({one.group_id for one in planned})
        if not planned:
            self.stdout.write("There is nothing to redrive.")
            return
        if not yes:
            _confirm(f"Redrive {len(planned)} of {groups} groups?")
        _record(AuditAction.REDRIVE, [one.pk for one in planned])
        told_at = time.monotonic()

        def tell(progress: Redrive) -> None:
            nonlocal told_at
            if time.monotonic() - told_at >= TELL_EVERY:
                told_at = time.monotonic()
                self.stdout.write(f"{progress.redriven} of {progress.total} redriven")

        self._report(redrive(planned, rate=rate, on_progress=tell))

    def _report(self, done: Redrive) -> None:
        self.stdout.write(f"{done.redriven} of {done.total} redriven.")
        if done.passed_over:
            self.stdout.write(f"{done.passed_over} were gone, or redriven by somebody else.")
        if done.refused:
            problems = [
                f"{letter} was not redriven: {why}." for letter, why in done.refused.items()
            ]
            if done.behind:
                problems.append(f"{len(done.behind)} behind them in their groups were not tried.")
            raise CommandError("\n".join(problems))

    def _discard(self, *, export: Path | None, yes: bool, **options: Any) -> None:
        letters = _wanted(options)
        count = letters.count()
        if not count:
            self.stdout.write("There is nothing to discard.")
            return
        file = export or Path(f"dead-letters-{now():%Y%m%dT%H%M%S%fZ}.jsonl")
        if not yes:
            _confirm(f"Remove {count} for ever, but for their export in {file}?")
        exported = _write(file, letters)
        self.stdout.write(f"{len(exported)} were exported to {file}.")
        discarded = 0
        for start in range(0, len(exported), PAGE):
            page = exported[start : start + PAGE]
            with transaction.atomic():
                _record(AuditAction.DISCARD, page)
                discarded += dead_letters.discard(page)
            logger.info("dead letters were discarded", extra={"dead_letters": page})
        self.stdout.write(f"{discarded} were discarded.")

    def _export(self, *, file: Path, **options: Any) -> None:
        letters = dead_letters.select(_selection(options))
        audit.record(
            actor=audit.command_line(),
            action=AuditAction.EXPORT,
            of=DeadLetter,
            object_id="",
            count=letters.count(),
        )
        exported = _write(file, letters)
        self.stdout.write(f"{len(exported)} were exported to {file}.")


def _record(action: AuditAction, ids: Sequence[int]) -> None:
    audit.record_all(
        actor=audit.command_line(), action=action, of=DeadLetter, details=audit.each(ids)
    )


def _add_filters(action: ArgumentParser) -> None:
    action.add_argument("ids", nargs="*", type=int, metavar="ID", help="only these")
    action.add_argument("--reason")
    action.add_argument("--project", type=_project, metavar="UUID")
    action.add_argument("--group", metavar="GROUP_ID")
    action.add_argument("--since", type=_moment, metavar="TIME", help="when the event was queued")
    action.add_argument("--until", type=_moment, metavar="TIME", help="before, in ISO 8601, UTC")
    action.add_argument("--all", action="store_true", help="those that were redriven, too")


def _selection(options: dict[str, Any]) -> Selection:
    """Raises CommandError for an id that there is none of, or that is left out."""
    selection = Selection(
        ids=options["ids"],
        reason=options["reason"],
        project_uuid=options["project"],
        group_id=options["group"],
        since=options["since"],
        until=options["until"],
        with_redriven=options["all"],
    )
    known = dict(DeadLetter.objects.filter(pk__in=selection.ids).values_list("pk", "redriven_at"))
    problems = [f"There is no dead letter {one}." for one in selection.ids if one not in known]
    if not selection.with_redriven:
        problems += [
            f"{one} was redriven at {at:%Y-%m-%d %H:%M:%S} UTC: --all has it taken again."
            for one, at in known.items()
            if at
        ]
    if problems:
        raise CommandError("\n".join([*problems, "Nothing was done."]))
    return selection


def _wanted(options: dict[str, Any]) -> QuerySet[DeadLetter]:
    """What is to be changed. Raises CommandError unless it was said."""
    if not options["every"] and not any(options[name] for name in FILTERS):
        raise CommandError(
            "Say which: by id, --reason, --project, --group, --since, --until, or --every."
        )
    return dead_letters.select(_selection(options))


def _write(file: Path, letters: QuerySet[DeadLetter]) -> list[int]:
    """Gives the ids of what was written. Raises CommandError if the file cannot be."""
    try:
        return write_export(file, letters)
    except OSError as error:
        raise CommandError(
            f"{file} cannot be written: {error.strerror}. Nothing was done."
        ) from error


def _line(letter: DeadLetter) -> str:
    """Ids and times, nothing of what it carries."""
    redriven = f"redriven {_time(letter.redriven_at)}" if letter.redriven_at else "waits"
    parts = (
        f"{letter.pk:>8}",
        _time(letter.first_sent_at),
        f"{_printable(letter.reason):<20}",
        str(letter.project_uuid or "no project").ljust(36),
        letter.message_id,
        redriven,
    )
    return "  ".join(parts)


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _printable(text: str) -> str:
    """What a terminal would obey, or could not print, is shown as its code."""
    return "".join(
        one if one.isprintable() or one in "\n\t" else one.encode("unicode_escape").decode()
        for one in text
    )


def _confirm(question: str) -> None:
    try:
        said = input(f"{question} Type yes: ")
    except EOFError:
        said = ""
    if said.strip().lower() != "yes":
        raise CommandError("Nothing was done. In scripts, use --yes.")


def _project(text: str) -> UUID:
    try:
        return parse_uuid(text)
    except ValueError as problem:
        raise ArgumentTypeError(str(problem)) from None


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ArgumentTypeError(
            f'"{text[:40]}" is not a time: write 2026-11-23 or 2026-11-23T12:00, in UTC.'
        ) from None


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0 and len(text) < 10):
        raise ArgumentTypeError(f'"{text[:20]}" is not a number of letters')
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0
    if not 0.1 <= rate <= 10_000:
        raise ArgumentTypeError(f'"{text[:20]}" is not a rate, from 0.1 to 10000 per second')
    return rate
