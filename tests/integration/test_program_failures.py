"""Each program ends with a sentence if it cannot start, and prints no traceback."""

import os
import re
import shlex
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import pytest
from gunicorn.arbiter import Arbiter

from embedded.environment import service_environment
from embedded.network import LOOPBACK
from embedded.service import PROJECT_ROOT


def run(line: str, *, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a command of the documentation. Return its exit status and its output."""
    done = subprocess.run(
        shlex.split(line),
        cwd=PROJECT_ROOT,
        env={"PATH": f"{sysconfig.get_path('scripts')}{os.pathsep}{os.defpath}", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "python manage.py check",
        "python manage.py dbshell -- -h db.example.org",
        "celery -A config worker -Q conversations.fifo",
        "celery -A config beat",
        "celery -A config flower",
        "gunicorn --config python:config.webserver config.wsgi",
    ],
)
def test_a_program_without_its_settings_ends_with_a_sentence_for_each(line: str) -> None:
    status, output = run(line, environment={})

    first, *sentences = output.splitlines()
    assert (status, first) == (1, "The environment has errors:")
    assert all(re.match(r"[A-Z_]+: is not set\. Set it to ", one) for one in sentences)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("python manage.py", "Type 'manage.py help <subcommand>' for help"),
        ("python manage.py migrate --help", "usage: manage.py migrate"),
        ("python manage.py plan --events-per-second 50", "Workers "),
    ],
)
def test_a_command_that_uses_no_server_needs_no_settings(line: str, expected: str) -> None:
    # An example of the missing setting would contradict this one.
    status, output = run(line, environment={"SQS_CONVERSATION_REGION": "sa-east-1"})

    assert status == 0
    assert output.lstrip().startswith(expected)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("python manage.py events schema >&- 2>&-", ""),
        ("python manage.py plan --events-per-second 50 2>&- <&-", "Workers "),
        ("celery -A config report 2>&-", "\nsoftware -> celery"),
    ],
)
def test_a_program_works_with_closed_standard_streams(
    line: str, expected: str, nowhere: dict[str, str]
) -> None:
    status, output = run(f"sh -c {shlex.quote(line)}", environment=nowhere)

    assert status == 0
    assert output.startswith(expected)


def test_gunicorn_without_our_configuration_ends_with_the_sentences_too() -> None:
    status, output = run(f"gunicorn --bind {LOOPBACK}:0 config.wsgi", environment={})

    assert status == Arbiter.APP_LOAD_ERROR
    assert "The environment has errors:\n" in output
    assert "SECRET_KEY: is not set. Set it to " in output
    assert "Traceback" not in output


@pytest.fixture
def nowhere() -> dict[str, str]:
    """Return complete settings. Nothing answers at their addresses."""
    return service_environment(
        database_url=f"postgres://u:p@{LOOPBACK}:9/n",
        sqs_url=f"http://{LOOPBACK}:9",
        dynamodb_url=f"http://{LOOPBACK}:9",
        control_url="",
        lake=Path("/nowhere"),
    )


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("-Q other", "There is no queue other: use -Q conversations.fifo."),
        ("-X conversations.fifo", "The worker would read no queue: remove the option -X."),
    ],
)
def test_a_worker_without_a_queue_to_read_ends_with_a_sentence(
    option: str, sentence: str, nowhere: dict[str, str]
) -> None:
    assert run(f"celery -A config worker {option}", environment=nowhere) == (1, f"{sentence}\n")


def test_a_worker_with_an_unknown_profile_ends_with_a_sentence(nowhere: dict[str, str]) -> None:
    environment = {**nowhere, "AWS_PROFILE": "nope"}

    assert run("celery -A config worker", environment=environment) == (
        1,
        "The AWS settings are wrong: The config profile (nope) could not be found. Correct the "
        "variables AWS_* of this program, or the files that they name.\n",
    )


def test_celery_events_starts_without_a_warning(nowhere: dict[str, str]) -> None:
    status, output = run("celery -A config events --help", environment=nowhere)

    assert (status, "Warning" in output) == (0, False), output


def test_beat_without_a_database_ends_with_a_sentence(nowhere: dict[str, str]) -> None:
    status, output = run("celery -A config beat", environment=nowhere)

    assert (status, output.splitlines()[-1]) == (
        1,
        "Beat cannot read its schedules from PostgreSQL (OperationalError). "
        "`python manage.py doctor` shows what to fix. Then start beat again.",
    )
    assert "Traceback" not in output


def test_a_command_without_a_database_ends_with_a_sentence(nowhere: dict[str, str]) -> None:
    status, output = run("python manage.py report", environment=nowhere)

    assert status == 1
    assert output.startswith("CommandError: PostgreSQL cannot be used at 127.0.0.1:9: ")
    assert output.count("\n") == 1


def test_a_command_without_its_settings_module_ends_with_a_sentence(
    nowhere: dict[str, str],
) -> None:
    assert run("python manage.py status --settings nope", environment=nowhere) == (
        1,
        "CommandError: There is no settings module nope: omit the option --settings and the "
        "variable DJANGO_SETTINGS_MODULE.\n",
    )


@pytest.mark.parametrize("command", ["doctor", "help"])
def test_a_command_whose_reader_has_ended_ends_silently(
    nowhere: dict[str, str], command: str
) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    done = subprocess.run(
        [sys.executable, "manage.py", command],
        cwd=PROJECT_ROOT,
        env=nowhere,
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )

    os.close(writing)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, b"")
