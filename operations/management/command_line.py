"""Helpers of the management commands: argument types, the confirmation, output and errors.

The functions from `uuid` to `text` are argparse types. Times are printed in one format, which
`moment` reads.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import psycopg2
from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError

from apps.common.errors import Unavailable, database_may_be_unavailable
from apps.conversations.models import Project
from apps.conversations.project_settings import parse_uuid

MAX_WAIT = 24 * 3600
# PostgreSQL, appendix A: undefined table, column or function, and datatype mismatch.
SCHEMA_ERRORS = frozenset({"42P01", "42703", "42883", "42804"})
INSUFFICIENT_PRIVILEGE = "42501"


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

    def run_from_argv(self, argv: list[str]) -> None:
        """Run the command, as `BaseCommand` does. Exit with status 1 for an invalid argument."""
        try:
            super().run_from_argv(argv)
        except InvalidArgument as problem:
            self.stderr.write(f"CommandError: {problem}")
            sys.exit(problem.returncode)

    def execute(self, *arguments: Any, **options: Any) -> str | None:
        """Run the command. Raise CommandError if a dependency is unavailable or not migrated."""
        with _unavailable_as_command_error(advice=lambda: self.after_outage):
            return super().execute(*arguments, **options)


@contextmanager
def _unavailable_as_command_error(*, advice: Callable[[], str]) -> Iterator[None]:
    try:
        with database_may_be_unavailable():
            yield
    except Unavailable as error:
        raise CommandError(_schema_sentence(error) or f"{error}. {advice()}") from error
    except (ProgrammingError, psycopg2.Error) as error:
        sentence = _schema_sentence(error)
        if sentence is None:
            raise
        raise CommandError(sentence) from error


def _schema_sentence(error: Exception) -> str | None:
    """Return a sentence about an error of the schema or a privilege, or None for other errors.

    With a server-side cursor, psycopg2 raises an error about a cursor that was not opened. The
    original error is then its cause or context.
    """
    cause: BaseException | None = error
    while cause:
        code = getattr(cause, "pgcode", None)
        if code in SCHEMA_ERRORS:
            return (
                "PostgreSQL does not have the tables of this version: run `python manage.py "
                "migrate`."
            )
        if code == INSUFFICIENT_PRIVILEGE:
            refusal = str(cause).splitlines()[0]
            return (
                f"PostgreSQL refuses: {refusal}. Grant the privilege to the role of DATABASE_URL."
            )
        cause = cause.__cause__ or cause.__context__
    return None


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


def count(number: int, noun: str) -> str:
    """Return "1 letter" or "2 letters"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def printable(text: str) -> str:
    """Return the text with escapes for control characters and other unprintable characters."""
    return "".join(
        one if one.isprintable() or one in "\n\t" else one.encode("unicode_escape").decode()
        for one in text
    )


def _not_a_number(text: str, *, what: str, minimum: float, maximum: float) -> InvalidArgument:
    return InvalidArgument(
        f"{_quoted(text)} is not {what}: write a number from {minimum} to {maximum}."
    )


def _quoted(text: str) -> str:
    """Return the text in quotes, short enough for a sentence."""
    return f'"{text[:40]}"'
