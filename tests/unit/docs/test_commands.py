"""Programs are started with the commands in the documentation."""

import re
import subprocess

import pytest

from tests.support.commands import documented_commands
from tests.support.pages import ROOT

PROGRAMS = "celery|gunicorn|flower|django"
OTHER_WAYS = re.compile(rf'"-m",\s*"(?:{PROGRAMS})"|python3? -m (?:{PROGRAMS})\b(?!_)')


def started_files() -> list[str]:
    """Return all files of the project except for this test."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", ".", ":!tests/unit/docs/test_commands.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return listed.stdout.rstrip("\0").split("\0")


def test_no_file_starts_a_program_in_another_way() -> None:
    """`python -m` puts the working directory on sys.path, which hides mistakes; scripts do not."""
    texts = {name: (ROOT / name).read_text(errors="replace") for name in started_files()}
    assert len(texts) > 100
    assert [name for name, text in texts.items() if OTHER_WAYS.search(text)] == []


@pytest.mark.parametrize(
    "line",
    [
        "celery -A config worker -Q conversations.fifo",
        "celery -A config beat",
        "celery -A config flower",
        "celery -A config report",
        "gunicorn --config python:config.webserver config.wsgi",
        "python manage.py migrate",
        "python manage.py provision",
    ],
)
def test_the_documentation_has_the_main_commands(line: str) -> None:
    assert line in documented_commands()
