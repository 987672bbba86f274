"""The functions that the management commands share: arguments, confirmation, times and errors."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import psycopg2
import pytest
from botocore.exceptions import (
    ClientError,
    ConfigParseError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
)
from django.core.management import CommandError
from django.core.management.base import CommandParser
from django.db import OperationalError, ProgrammingError

from apps.common.errors import Unavailable
from operations.management import command_line
from operations.management.command_line import InvalidArgument, OperatorCommand

MAX_ID = 2**63 - 1
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SAMPLE = "5f0c2f3a-6b1d-4a57-9c39-2e8d1f7a4b60"

letter_id = command_line.whole_number(what="an id", maximum=MAX_ID)
rate = command_line.number(what="a rate", minimum=0.1, maximum=10_000)


def postgresql_error(pgcode: str) -> Exception:
    """Return an error of psycopg2 with this SQLSTATE."""
    error: type[Exception] = type("PostgreSQLError", (psycopg2.Error,), {"pgcode": pgcode})
    return error("permission denied for table project\nDETAIL: none")


class Command(OperatorCommand):
    """A command that raises the error in `failure`."""

    requires_system_checks = ()
    after_outage = "Run it again tomorrow."
    failure: Exception | None = None

    def add_arguments(self, parser: CommandParser) -> None:
        """Add an argument to a subcommand, as the real commands do."""
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("run").add_argument("--day", type=command_line.day)

    def handle(self, **_options: Any) -> None:
        """Raise `failure`, if it is set."""
        if self.failure:
            raise self.failure


def refused(command: Command, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run the command as from a shell. Return the only line that it prints."""
    with pytest.raises(SystemExit) as exited:
        command.run_from_argv(["manage.py", "fail", "--no-color", "run", *arguments])
    assert exited.value.code == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err.strip()


def typing(monkeypatch: pytest.MonkeyPatch, answer: str | type[BaseException]) -> list[str]:
    """Answer each question with this text or error. Return the list of questions."""
    questions: list[str] = []

    def type_in(question: str) -> str:
        questions.append(question)
        if isinstance(answer, str):
            return answer
        raise answer

    monkeypatch.setattr("builtins.input", type_in)
    return questions


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (command_line.uuid, SAMPLE, UUID(SAMPLE)),
        (command_line.uuid, f" {SAMPLE.upper()} ", UUID(SAMPLE)),
        (command_line.day, "2026-11-23", date(2026, 11, 23)),
        (command_line.moment, "2026-11-23", datetime(2026, 11, 23, tzinfo=UTC)),
        (command_line.moment, "2026-11-23T12:00", NOON),
        (command_line.moment, "2026-11-23T09:00:00-03:00", NOON),
        (command_line.moment, "2026-11-23T12:00:00Z", NOON),
        (letter_id, "1", 1),
        (letter_id, str(MAX_ID), MAX_ID),
        (rate, "0.1", 0.1),
        (rate, "10000", 10_000),
        (command_line.text, "olá 😕", "olá 😕"),
    ],
)
def test_a_valid_value_is_parsed(read: Callable[[str], Any], text: str, value: Any) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text", "sentence"),
    [
        (command_line.uuid, "shop", f'"shop" is not a UUID: write one such as {SAMPLE}.'),
        (command_line.uuid, "", f'"" is not a UUID: write one such as {SAMPLE}.'),
        (command_line.day, "yesterday", '"yesterday" is not a day: write YYYY-MM-DD.'),
        (command_line.day, "2026-02-30", '"2026-02-30" is not a day: write YYYY-MM-DD.'),
        (command_line.day, "20261123", '"20261123" is not a day: write YYYY-MM-DD.'),
        (command_line.day, "2026-W48", '"2026-W48" is not a day: write YYYY-MM-DD.'),
        (command_line.moment, "noon", '"noon" is not a time: write 2026-11-23 or '),
        (command_line.moment, "0001-01-01T00:00+01:00", "is not a time: write 2026-11-23 or "),
        (command_line.moment, "9" * 90, f'"{"9" * 40}" is not a time'),
        (letter_id, "0", f'"0" is not an id: write a number from 1 to {MAX_ID}.'),
        (letter_id, "-1", '"-1" is not an id'),
        (letter_id, "1.5", '"1.5" is not an id'),
        (letter_id, "1_000", '"1_000" is not an id'),
        (letter_id, "\u0661", "is not an id"),
        (letter_id, str(MAX_ID + 1), "is not an id"),
        (letter_id, "1" * 5_000, "is not an id"),
        (rate, "0", '"0" is not a rate: write a number from 0.1 to 10000.'),
        (rate, "10001", '"10001" is not a rate'),
        (rate, "nan", '"nan" is not a rate'),
        (rate, "inf", '"inf" is not a rate'),
        (rate, "fast", '"fast" is not a rate'),
        (command_line.text, "\udcff", "is not text: write it in UTF-8."),
    ],
)
def test_an_invalid_value_is_refused_with_the_expected_form(
    read: Callable[[str], Any], text: str, sentence: str
) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        read(text)
    assert sentence in str(refusal.value)
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize("answer", ["y", "Y", "yes", " YES "])
def test_yes_continues(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    questions = typing(monkeypatch, answer)

    command_line.confirm("This deletes 3 letters permanently.", yes=False)

    assert questions == ["This deletes 3 letters permanently. Continue? [y/N] "]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("", "Nothing was done: the answer was not yes."),
        ("n", "Nothing was done: the answer was not yes."),
        ("yess", "Nothing was done: the answer was not yes."),
        (EOFError, "Nothing was done: there was no answer. In scripts, pass --yes."),
        (KeyboardInterrupt, "Nothing was done."),
    ],
)
def test_anything_else_ends_the_command(
    monkeypatch: pytest.MonkeyPatch, answer: str | type[BaseException], sentence: str
) -> None:
    typing(monkeypatch, answer)
    with pytest.raises(CommandError) as refusal:
        command_line.confirm("This deletes all.", yes=False)
    assert str(refusal.value) == sentence


def test_with_the_option_yes_there_is_no_question(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = typing(monkeypatch, EOFError)
    command_line.confirm("This deletes all.", yes=True)
    assert questions == []


def test_a_time_is_printed_in_utc_with_its_offset_and_read_again() -> None:
    at = datetime(2026, 11, 23, 9, 0, 0, 5, tzinfo=timezone(timedelta(hours=-3)))

    assert command_line.format_time(at) == "2026-11-23T12:00:00+00:00"
    assert command_line.moment(command_line.format_time(at)) == NOON
    assert command_line.format_time(None) == "-"


@pytest.mark.parametrize(("number", "text"), [(0, "0 letters"), (1, "1 letter"), (2, "2 letters")])
def test_a_count_is_printed_with_a_singular_or_plural_noun(number: int, text: str) -> None:
    assert command_line.count(number, "letter") == text
    irregular = text.replace("letters", "were").replace("letter", "was")
    assert command_line.count(number, "was", "were") == irregular


def test_an_invalid_argument_ends_with_one_line_and_status_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert refused(Command(), capsys, "--day", "today") == (
        'CommandError: "today" is not a day: write YYYY-MM-DD.'
    )


def caused_by(cause: Exception, error: Exception) -> Exception:
    """Return the error with this cause."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (
            OperationalError("Connection refused\n\tIs the server running?"),
            "PostgreSQL cannot be used at 127.0.0.1:9: Connection refused. Check that it runs "
            "there, and the address, user and password in DATABASE_URL.",
        ),
        (
            caused_by(postgresql_error("57P01"), OperationalError("terminating connection")),
            "PostgreSQL is unavailable: PostgreSQLError.",
        ),
        (
            EndpointConnectionError(endpoint_url="http://127.0.0.1:9/"),
            'AWS cannot be reached: Could not connect to the endpoint URL: "http://127.0.0.1:9/". '
            "Check the network, a proxy, the region settings and AWS_ENDPOINT_URL_SQS and "
            "AWS_ENDPOINT_URL_DYNAMODB.",
        ),
        (
            ValueError("Invalid endpoint: nonsense"),
            "AWS cannot be reached: Invalid endpoint: nonsense. Check the network, a proxy, the "
            "region settings and AWS_ENDPOINT_URL_SQS and AWS_ENDPOINT_URL_DYNAMODB.",
        ),
        (
            caused_by(NoCredentialsError(), Unavailable("SQS", "NoCredentialsError")),
            "There are no AWS credentials (NoCredentialsError). Check the role, AWS_PROFILE or the "
            "AWS_ACCESS_KEY_ID of this machine, and that STS can be reached, with: aws sts "
            "get-caller-identity.",
        ),
        (
            caused_by(ProfileNotFound(profile="nope"), Unavailable("SQS", "ProfileNotFound")),
            "The AWS settings are wrong: The config profile (nope) could not be found. Correct the "
            "variables AWS_* of this command, or the files that they name.",
        ),
        (
            ConfigParseError(path="/home/ana/.aws/config"),
            "The AWS settings are wrong: Unable to parse config file: /home/ana/.aws/config. "
            "Correct the variables AWS_* of this command, or the files that they name.",
        ),
        (Unavailable("SQS", "AccessDenied"), "SQS is unavailable: AccessDenied."),
    ],
)
def test_an_outage_ends_with_one_line_and_what_to_do(
    capsys: pytest.CaptureFixture[str], failure: Exception, sentence: str
) -> None:
    command = Command()
    command.failure = failure
    assert refused(command, capsys) == f"CommandError: {sentence} Run it again tomorrow."


def test_a_missing_queue_ends_with_one_line_and_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = "AWS.SimpleQueueService.NonExistentQueue"
    refusal = ClientError({"Error": {"Code": code, "Message": ""}}, "ReceiveMessage")
    command = Command()
    command.failure = caused_by(refusal, Unavailable("SQS", code))

    assert refused(command, capsys) == (
        "CommandError: SQS does not have such a queue in us-east-1. Check "
        "SQS_CONVERSATION_QUEUE_URL, SQS_CONVERSATION_DLQ_URL and SQS_CONVERSATION_REGION, or "
        "create the queues: run `python manage.py provision`."
    )


@pytest.mark.parametrize("through_cursor", [False, True])
@pytest.mark.parametrize(
    ("pgcode", "advice"),
    [
        ("42P01", "run `python manage.py migrate`"),
        ("42703", "run `python manage.py migrate`"),
        ("42883", "run `python manage.py migrate`"),
        ("42804", "run `python manage.py migrate`"),
        ("42501", "permission denied for table project. Grant the privilege"),
    ],
)
def test_a_database_that_is_not_ready_ends_with_one_line_and_what_to_do(
    capsys: pytest.CaptureFixture[str], pgcode: str, advice: str, through_cursor: bool
) -> None:
    cause = postgresql_error(pgcode)
    # Django's errors have the text of their cause.
    failure: Exception = ProgrammingError(str(cause))
    failure.__cause__ = cause
    if through_cursor:
        opened = failure
        failure = postgresql_error("34000")
        failure.__context__ = opened
    command = Command()
    command.failure = failure
    assert advice in refused(command, capsys)


def test_a_bug_keeps_its_traceback() -> None:
    command = Command()
    command.failure = ProgrammingError("syntax error")
    command.failure.__cause__ = postgresql_error("42601")
    with pytest.raises(ProgrammingError):
        command.run_from_argv(["manage.py", "fail", "run"])
