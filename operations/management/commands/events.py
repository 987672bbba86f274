"""`manage.py events check|schema`"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import CommandError, CommandParser

from operations import contract_files
from operations.contract_files import ASYNCAPI, BreakingChange
from operations.event_checks import UnreadableLine, Verdict, check_event, split_events
from operations.management.command_line import OperatorCommand, count

STANDARD_INPUT = "-"


class Command(OperatorCommand):
    """Check events, and write the contract for machines. Neither needs a server."""

    help = "Check events before they are sent, or write the contract for machines."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments of the command line."""
        actions = parser.add_subparsers(dest="action", required=True)
        checking = actions.add_parser("check", help="say what would become of events")
        checking.add_argument(
            "file",
            help="an event in each line: its body, or a JSON object with MessageBody; or one body "
            "in several lines; - for the standard input",
        )
        showing = actions.add_parser("schema", help="print the AsyncAPI document")
        showing.add_argument(
            "--write",
            type=Path,
            metavar="FOLDER",
            help="write it and the JSON Schemas into this folder instead",
        )

    def handle(self, *, action: str, **options: Any) -> None:
        """Run the command. Raise CommandError if an event would be quarantined."""
        if action == "check":
            self._check(options["file"])
        elif options["write"]:
            self._write(options["write"])
        else:
            self.stdout.write_data(contract_files.contract_files()[ASYNCAPI])

    def _check(self, name: str) -> None:
        reasons: Counter[str] = Counter()
        with _opened(name) as lines:
            for number, text in split_events(lines):
                try:
                    title, verdict = check_event(text)
                except UnreadableLine as problem:
                    raise CommandError(f"Line {number}: {problem}.") from None
                reasons[verdict.reason] += 1
                self.stdout.write(_line(number, title, verdict))
                # A reader at the end of a pipe sees each verdict at once.
                self.stdout.flush()
        total = reasons.total()
        if not total:
            raise CommandError(f"{_shown(name)} has no events.")
        if refused := total - reasons.pop("", 0):
            by_reason = ", ".join(f"{reason} {times}" for reason, times in sorted(reasons.items()))
            raise CommandError(
                f"Of {count(total, 'event')}, {refused} would be quarantined: {by_reason}."
            )
        self.stdout.write(f"{count(total, 'event')}, none of which would be quarantined.")

    def _write(self, folder: Path) -> None:
        try:
            changed = contract_files.write(folder)
        except BreakingChange as problem:
            raise CommandError(str(problem)) from None
        except OSError as error:
            raise CommandError(f"{folder} cannot be written: {error.strerror}.") from error
        except ValueError:
            raise CommandError(f"{folder / ASYNCAPI} is not a contract of this service.") from None
        self.stdout.write(f"Changed: {', '.join(changed)}." if changed else "Nothing has changed.")


def _line(number: int, title: str, verdict: Verdict) -> str:
    place = f"line {number}{f' ({title})' if title else ''}"
    if verdict.reason:
        return f"{place}: quarantined as {verdict.reason}: {verdict.sentence}"
    return f"{place}: {verdict.event_type}: {verdict.sentence}"


def _shown(name: str) -> str:
    return "The standard input" if name == STANDARD_INPUT else name


@contextmanager
def _opened(name: str) -> Iterator[TextIO]:
    """Open a file, or the standard input. Raise CommandError if it cannot be read."""
    try:
        with _open(name) as lines:
            yield lines
    except BrokenPipeError:
        # This is the output, to which the block writes.
        raise
    except OSError as error:
        raise CommandError(f"{_shown(name)} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise CommandError(f"{_shown(name)} is not text in UTF-8.") from None


def _open(name: str) -> TextIO:
    if name == STANDARD_INPUT:
        # Not sys.stdin, whose encoding depends on the locale, and which is None if it is closed.
        return open(0, encoding="utf-8", closefd=False)
    return Path(name).open(encoding="utf-8")
