"""Commands end without a traceback. tests/integration/test_program_failures.py starts programs.

No database answers at the address of the tests' settings.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import django
import pytest
from django.db import OperationalError
from pytest_django import DjangoDbBlocker, Settings

from operations.management.running import run

OUTAGE = (
    "CommandError: PostgreSQL cannot be used at 127.0.0.1:9: Connection refused. Check that it "
    "runs there, and the address, user and password in DATABASE_URL."
)


@pytest.fixture(autouse=True)
def _set_up_once(
    monkeypatch: pytest.MonkeyPatch, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Let commands try to connect, and keep the logging of the tests, which setup would replace."""
    monkeypatch.setattr(django, "setup", lambda: None)
    with django_db_blocker.unblock():
        yield


# Commands of this service fail in OperatorCommand, and those of Django in manage.py.
@pytest.mark.parametrize(
    "command",
    [
        "migrate",
        "showmigrations",
        "createsuperuser --username a --email a@b.c --no-input",
        "report",
    ],
)
def test_a_command_without_a_database_ends_with_a_sentence(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        run(["manage.py", *command.split()])

    # Python prints an exit status that is a text, and then the status is 1.
    status = end.value.code
    printed = capsys.readouterr().err + (f"{status}\n" if isinstance(status, str) else "")
    assert status == 1 or isinstance(status, str)
    assert printed.startswith(OUTAGE)
    assert printed.count("\n") == 1


def test_an_outage_keeps_its_traceback_if_that_is_asked_for() -> None:
    with pytest.raises(OperationalError):
        run(["manage.py", "showmigrations", "--traceback"])


# A short output fails when it is flushed, and a long one when it is written.
@pytest.mark.parametrize("command", ["check", "events schema"])
def test_a_command_whose_output_is_on_a_full_disk_ends_with_a_sentence(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)

        with pytest.raises(SystemExit) as end:
            run(["manage.py", *command.split()])

    assert end.value.code == (
        "CommandError: The output cannot be written: No space left on device."
    )


def test_collectstatic_without_a_folder_names_the_variable_to_set(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.STATIC_ROOT = None

    with pytest.raises(SystemExit):
        run(["manage.py", "collectstatic", "--no-input"])

    assert capsys.readouterr().err == (
        "CommandError: Set DJANGO_STATIC_ROOT to the folder that this command is to fill.\n"
    )


def test_a_folder_that_cannot_be_created_is_named(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    settings.STATIC_ROOT = str(file / "static")

    with pytest.raises(SystemExit) as end:
        run(["manage.py", "collectstatic", "--no-input"])

    sentence = str(end.value.code)
    assert sentence.startswith(f"CommandError: {file}")
    assert sentence.endswith(" cannot be used: Not a directory.")
