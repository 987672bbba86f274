"""Each program ends with a sentence if it cannot start, and prints no traceback."""

import os
import re
import shlex
import subprocess
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import pytest

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


def test_programs_without_a_database_or_for_an_unknown_queue_end_with_a_sentence() -> None:
    # Nothing answers at this port.
    environment = service_environment(
        database_url=f"postgres://u:p@{LOOPBACK}:9/n",
        sqs_url=f"http://{LOOPBACK}:9",
        dynamodb_url=f"http://{LOOPBACK}:9",
        control_url="",
        lake=Path("/nowhere"),
    )

    assert run("celery -A config worker -Q other", environment=environment) == (
        1,
        "There is no queue other: use -Q conversations.fifo.\n",
    )
    assert run("python manage.py migrate", environment=environment) == (
        1,
        "CommandError: PostgreSQL cannot be reached: Connection refused. Run it again when "
        "PostgreSQL answers at DATABASE_URL; migrations that were applied stay.\n",
    )
    status, output = run("celery -A config beat", environment=environment)
    assert (status, output.splitlines()[-1]) == (
        1,
        "Beat cannot read its schedules from PostgreSQL (OperationalError). "
        "`python manage.py doctor` shows what to fix. Then start beat again.",
    )
    assert "Traceback" not in output
