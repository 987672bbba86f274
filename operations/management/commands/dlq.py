"""`manage.py dlq list|show|redrive|discard|export`"""

import time
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import QuerySet

from apps.common.clock import now
from apps.conversations.audit import command_line
from apps.messages import dead_letter_actions
from apps.messages.dead_letters import Selection, document_of, plan, select
from apps.messages.models import DeadLetter
from operations import dead_letters
from operations.management.command_line import (
    OperatorCommand,
    add_yes,
    confirm,
    count,
    format_time,
    in_columns,
    moment,
    number,
    text,
    uuid,
    whole_number,
)
from tasks.deadletters.export import write_export
from tasks.deadletters.redrive import Redrive

DEFAULT_LIMIT = 100
DEFAULT_RATE = 50.0
# Seconds between two lines of progress.
PROGRESS_INTERVAL = 1.0
FILTERS = ("ids", "reason", "project", "group", "since", "until")
# The columns of a list, whose lines have at most 100 characters. `show` has the rest.
COLUMNS = ("id", "queued (UTC)", "reason", "project", "redriven")

letter_id = whole_number(what="the id of a dead letter", maximum=2**63 - 1)


class Command(OperatorCommand):
    """Show dead letters and the reasons, redrive them in order, or discard them."""

    help = "List, show, redrive, discard or export the dead letters that workers have collected."
    after_outage = "Run this again later to continue."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments of the command line."""
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="list dead letters, the oldest event first")
        showing = actions.add_parser("show", help="show a dead letter")
        redriving = actions.add_parser(
            "redrive", help="send dead letters to the events' queue again"
        )
        discarding = actions.add_parser("discard", help="delete dead letters after an export")
        exporting = actions.add_parser("export", help="write dead letters to a file of JSON lines")
        exporting.add_argument("file", type=Path)
        for action in (listing, redriving, discarding, exporting):
            _add_filters(action)
        for action in (redriving, discarding):
            action.add_argument(
                "--every", action="store_true", help="select all that wait, without a filter"
            )
            add_yes(action)
        listing.add_argument(
            "--limit",
            type=whole_number(what="a number of letters", maximum=999_999_999),
            default=DEFAULT_LIMIT,
            help="the maximum number of letters (default: 100)",
        )
        showing.add_argument("id", type=letter_id)
        showing.add_argument("--body", action="store_true", help="show the event's body instead")
        redriving.add_argument(
            "--rate",
            type=number(what="a rate", minimum=0.1, maximum=10_000),
            default=DEFAULT_RATE,
            help="letters per second (default: 50)",
        )
        discarding.add_argument(
            "--export",
            type=Path,
            metavar="FILE",
            help="the file of the export (default: dead-letters-TIME.jsonl in this folder)",
        )

    def handle(self, *, action: str, **options: Any) -> None:
        """Run the command. After an interruption or a failure, the next run continues."""
        match action:
            case "list":
                self._list(**options)
            case "show":
                self._show(**options)
            case "redrive":
                self._redrive(**options)
            case "discard":
                self._discard(**options)
            case "export":
                self._export(**options)

    def _list(self, *, limit: int, **options: Any) -> None:
        letters = list(select(_selection(options)).defer("body")[: limit + 1])
        if not letters:
            self.stdout.write(
                "No dead letter matches." if _is_filtered(options) else "There are no dead letters."
            )
            return
        for line in in_columns([COLUMNS, *map(_cells, letters[:limit])]):
            self.stdout.write(line)
        if len(letters) > limit:
            self.stdout.write(f"These are the first {limit}. Pass --limit to see more.")

    def _show(self, *, id: int, body: bool, **_options: Any) -> None:
        letter = DeadLetter.objects.filter(pk=id).first()
        if letter is None:
            raise CommandError(_unknown_letter(id))
        if body:
            self.stdout.write(dead_letter_actions.read_body(letter, actor=command_line()))
            return
        document = document_of(letter)
        size = len(document.pop("body").encode(errors="surrogatepass"))
        for name, value in document.items():
            self.stdout.write(f"{name:<20}{_format_value(value)}")
        self.stdout.write(f"{'body':<20}{size} bytes, shown by --body")

    def _redrive(self, *, rate: float, yes: bool, **options: Any) -> None:
        planned = plan(_required_selection(options))
        if not planned:
            self.stdout.write("There is nothing to redrive.")
            return
        groups = len({one.group_id for one in planned})
        letters = f"{count(len(planned), 'dead letter')} of {count(groups, 'group')}"
        confirm(f"This sends {letters} to the events' queue again.", yes=yes)
        self._report(dead_letters.redrive(planned, rate=rate, on_progress=self._progress()))

    def _progress(self) -> Callable[[Redrive], None]:
        """Return a function that prints progress, at most once per interval."""
        printed_at = time.monotonic()

        def show(progress: Redrive) -> None:
            nonlocal printed_at
            if time.monotonic() - printed_at >= PROGRESS_INTERVAL:
                printed_at = time.monotonic()
                self.stdout.write(f"{progress.redriven} of {progress.total} redriven")

        return show

    def _report(self, done: Redrive) -> None:
        self.stdout.write(f"{done.redriven} of {done.total} redriven.")
        if done.skipped:
            skipped = count(done.skipped, "was", "were")
            self.stdout.write(f"{skipped} deleted or redriven by someone else.")
        if done.refused:
            problems = [
                f"{letter} was not redriven: {why}." for letter, why in done.refused.items()
            ]
            if done.not_tried:
                problems.append(
                    f"Not tried: {count(len(done.not_tried), 'later letter')} of the same groups."
                )
            raise CommandError("\n".join(problems))

    def _discard(self, *, export: Path | None, yes: bool, **options: Any) -> None:
        letters = _required_selection(options)
        number_of_letters = letters.count()
        if not number_of_letters:
            self.stdout.write("There is nothing to discard.")
            return
        file = export or Path(f"dead-letters-{now():%Y%m%dT%H%M%S%fZ}.jsonl")
        confirm(
            f"This exports {count(number_of_letters, 'dead letter')} to {file}, then deletes them "
            "permanently.",
            yes=yes,
        )
        exported = _write_file(file, letters)
        self._print_exported(exported, file=file)
        discarded = dead_letter_actions.discard(exported, actor=command_line())
        self.stdout.write(f"{count(discarded, 'was', 'were')} discarded.")

    def _export(self, *, file: Path, **options: Any) -> None:
        letters = select(_selection(options))
        dead_letter_actions.record_export(letters.count(), actor=command_line())
        exported = _write_file(file, letters)
        self._print_exported(exported, file=file)

    def _print_exported(self, exported: list[int], *, file: Path) -> None:
        self.stdout.write(f"{count(len(exported), 'was', 'were')} exported to {file}.")


def _add_filters(action: ArgumentParser) -> None:
    # Without a default, argparse says that ID is required if another argument is missing.
    action.add_argument(
        "ids", nargs="*", type=letter_id, default=[], metavar="ID", help="select these ids"
    )
    action.add_argument("--reason", type=text)
    action.add_argument("--project", type=uuid, metavar="UUID")
    action.add_argument("--group", type=text, metavar="GROUP_ID")
    action.add_argument("--since", type=moment, metavar="TIME", help="queued at this time or later")
    action.add_argument(
        "--until", type=moment, metavar="TIME", help="queued before this time (ISO 8601, UTC)"
    )
    action.add_argument("--all", action="store_true", help="include redriven letters")


def _selection(options: dict[str, Any]) -> Selection:
    """Return the selection of the options. Raise CommandError if they can select nothing."""
    if options["since"] and options["until"] and options["since"] >= options["until"]:
        raise CommandError("--since must be before --until.")
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
    problems = [_unknown_letter(one) for one in selection.ids if one not in known]
    if not selection.with_redriven:
        problems += [
            f"{one} was redriven at {format_time(at)}. Pass --all to select it again."
            for one, at in known.items()
            if at
        ]
    if problems:
        raise CommandError("\n".join([*problems, "Nothing was done."]))
    return selection


def _is_filtered(options: dict[str, Any]) -> bool:
    return any(options[name] for name in FILTERS)


def _required_selection(options: dict[str, Any]) -> QuerySet[DeadLetter]:
    """Return the letters to change. Raise CommandError without a filter or --every, or for both."""
    if _is_filtered(options) == options["every"]:
        raise CommandError(
            "Select letters by id, --reason, --project, --group, --since or --until, or pass "
            "--every without any of them."
        )
    return select(_selection(options))


def _write_file(file: Path, letters: QuerySet[DeadLetter]) -> list[int]:
    """Write letters to a file and return their ids. Raise CommandError if that fails."""
    try:
        return write_export(file, letters)
    except OSError as error:
        raise CommandError(
            f"{file} cannot be written: {error.strerror}. Nothing was done. Pass another file."
        ) from error


def _unknown_letter(letter: int) -> str:
    return f"There is no dead letter {letter}. `dlq list` shows those that wait."


def _cells(letter: DeadLetter) -> tuple[str, ...]:
    """Return what the list says of a letter, without its content."""
    return (
        str(letter.pk),
        f"{letter.queue_time.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
        letter.reason,
        str(letter.project_uuid or "no project"),
        f"{letter.redriven_at.astimezone(UTC):%Y-%m-%d}" if letter.redriven_at else "waits",
    )


def _format_value(value: Any) -> str:
    if isinstance(value, datetime):
        return format_time(value)
    return "-" if value in (None, "", {}) else str(value)
