"""Helpers of the management commands: argument types, the confirmation, output and errors.

The functions from `uuid` to `text` are argparse types. Times are printed in one format, which
`moment` reads.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any, TextIO
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from apps.common.clock import now
from apps.conversations.project_models import Project
from apps.conversations.project_settings import parse_uuid
from operations.management.outages import outage_sentence, schema_sentence
from operations.management.output import SafeOutput

MAX_WAIT = 24 * 3600


class InvalidArgument(CommandError):
    """An argument that cannot be parsed. The message says how to write it.

    It is not one of the errors that argparse catches. For those, argparse prints all options and
    exits with status 2.
    """


class OperatorCommand(BaseCommand):
    """A command that prints one sentence and exits with status 1 if it cannot do its work."""

    # The advice in the error message if PostgreSQL or AWS is unavailable. A command may change it
    # while it runs.
    after_outage = "Run it again later."
    stdout: SafeOutput
    stderr: SafeOutput

    def __init__(
        self, stdout: TextIO | None = None, stderr: TextIO | None = None, **options: Any
    ) -> None:
        super().__init__(stdout, stderr, **options)
        style = self.stderr.style_func
        self.stdout = SafeOutput(stdout or sys.stdout)
        self.stderr = SafeOutput(stderr or sys.stderr)
        self.stderr.style_func = style

    def run_from_argv(self, argv: list[str]) -> None:
        """Run the command, as `BaseCommand` does. Exit with status 1 for an invalid argument."""
        try:
            super().run_from_argv(argv)
        except InvalidArgument as problem:
            self.stderr.write(f"CommandError: {problem}")
            sys.exit(problem.returncode)

    def execute(self, *arguments: Any, **options: Any) -> str | None:
        """Run the command. Raise CommandError if a dependency is unavailable or not migrated."""
        for name in ("stdout", "stderr"):
            if stream := options.pop(name, None):
                setattr(self, name, SafeOutput(stream))
        try:
            return super().execute(*arguments, **options)
        except CommandError:
            raise
        except Exception as error:
            if sentence := schema_sentence(error):
                raise CommandError(sentence) from error
            if sentence := outage_sentence(error):
                raise CommandError(f"{sentence} {self.after_outage}") from error
            raise


def uuid(text: str) -> UUID:
    """Return the UUID. Raise InvalidArgument."""
    try:
        return parse_uuid(text)
    except ValueError as problem:
        raise InvalidArgument(str(problem)) from None


def day(text: str) -> date:
    """Return the date, which must have the form YYYY-MM-DD. Raise InvalidArgument."""
    try:
        read = date.fromisoformat(text)
    except ValueError:
        read = None
    if read is None or read.isoformat() != text:
        raise InvalidArgument(f"{_quoted(text)} is not a day: write YYYY-MM-DD.")
    return read


def moment(text: str) -> datetime:
    """Return the time in UTC. A time without an offset is in UTC. Raise InvalidArgument."""
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidArgument(
            f"{_quoted(text)} is not a time: write 2026-11-23 or 2026-11-23T12:00, in UTC, or "
            "2026-11-23T12:00:00+00:00."
        ) from None


def past_moment(text: str) -> datetime:
    """Return the time in UTC, as `moment` does. Raise InvalidArgument if it is in the future."""
    at = moment(text)
    if at > now():
        raise InvalidArgument(f"{_quoted(text)} is in the future: write a time in the past.")
    return at


def number(*, what: str, minimum: float, maximum: float) -> Callable[[str], float]:
    """Return an argparse type for a number from `minimum` to `maximum`.

    `what` describes the number in the error message, as in "a rate".
    """

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not minimum <= value <= maximum:
            raise _not_a_number(text, what=what, minimum=minimum, maximum=maximum)
        return value

    return read


def whole_number(*, what: str, maximum: int) -> Callable[[str], int]:
    """Return an argparse type for a whole number from 1 to `maximum`.

    `what` describes the number in the error message, as in "the id of a dead letter".
    """

    def read(text: str) -> int:
        is_number = text.isascii() and text.isdigit() and len(text) <= len(str(maximum))
        if not is_number or not 1 <= int(text) <= maximum:
            raise _not_a_number(text, what=what, minimum=1, maximum=maximum)
        return int(text)

    return read


def one_of(*values: str, what: str) -> Callable[[str], str]:
    """Return an argparse type for one of these values.

    `what` describes the value in the error message, as in "a format".
    """

    def read(text: str) -> str:
        if text not in values:
            raise InvalidArgument(
                f"{_quoted(text)} is not {what}: write {', '.join(values[:-1])} or {values[-1]}."
            )
        return text

    return read


def text(value: str) -> str:
    """Return the text. Raise InvalidArgument for bytes that are not UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidArgument(f"{_quoted(value)} is not text: write it in UTF-8.") from None
    return value


def add_yes(parser: ArgumentParser) -> None:
    """Add the option --yes, for `confirm`."""
    parser.add_argument("--yes", action="store_true", help="do not ask")


def add_wait(parser: ArgumentParser, *, default: float) -> None:
    """Add the option --wait: how many seconds to wait for workers."""
    parser.add_argument(
        "--wait",
        type=number(what="a number of seconds", minimum=0, maximum=MAX_WAIT),
        default=default,
        metavar="SECONDS",
        help=f"how long to wait for the result; 0: do not wait (default: {default:g})",
    )


def confirm(effect: str, *, yes: bool) -> None:
    """Ask for confirmation, unless `yes`. Raise CommandError if the answer is not yes.

    `effect` is a sentence that says what the command is about to do. The answer is read from the
    standard input, which need not be a terminal.
    """
    if yes:
        return
    try:
        answer = input(f"{effect} Continue? [y/N] ")
    except (EOFError, KeyboardInterrupt) as stop:
        # Print the following output on a new line.
        sys.stdout.write("\n")
        if isinstance(stop, KeyboardInterrupt):
            raise CommandError("Nothing was done.") from None
        raise CommandError(
            "Nothing was done: there was no answer. In scripts, pass --yes."
        ) from None
    if answer.strip().casefold() not in ("y", "yes"):
        raise CommandError("Nothing was done: the answer was not yes.")


def known_project(project_uuid: UUID) -> Project:
    """Return the project. Raise CommandError if it does not exist."""
    project = Project.objects.filter(uuid=project_uuid).first()
    if project is None:
        raise CommandError(
            f"There is no project {project_uuid}. `projects list` shows all projects."
        )
    return project


def format_time(at: datetime | None) -> str:
    """Return a time to the second, in UTC and with its offset, or a dash for None."""
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else "-"


def in_columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the rows as lines with columns, each as wide as its longest text."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return "1 letter" or "2 letters". The plural is that of a regular noun by default.

    Both may contain more words, as in "letter was" and "letters were".
    """
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def _not_a_number(text: str, *, what: str, minimum: float, maximum: float) -> InvalidArgument:
    return InvalidArgument(
        f"{_quoted(text)} is not {what}: write a number from {minimum} to {maximum}."
    )


def _quoted(text: str) -> str:
    """Return the text in quotes, short enough for a sentence."""
    return f'"{text[:40]}"'
