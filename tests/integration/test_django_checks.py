"""Django's own checks of the project."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.django_db
def test_the_migrations_match_the_models() -> None:
    output = io.StringIO()

    call_command("makemigrations", check=True, dry_run=True, stdout=output)

    assert "No changes detected" in output.getvalue()


def test_the_check_of_a_production_environment_finds_nothing() -> None:
    result = subprocess.run(
        [
            *(sys.executable, "-m", "embedded.environment"),
            *(sys.executable, "-W", "error", "manage.py", "check", "--deploy"),
            *("--fail-level", "WARNING"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    assert "no issues (2 silenced)" in result.stdout
