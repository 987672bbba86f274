"""Runs `manage.py projects` in this process, with the clock at noon."""

import io

import pytest
import time_machine
from django.core.management import CommandError, call_command

from tests.support.builders import NOON
from tests.support.stored import every_row_version


def projects(*arguments: str) -> list[str]:
    """Run the command, and return the lines that it prints."""
    output = io.StringIO()
    with time_machine.travel(NOON, tick=False):
        call_command("projects", *arguments, stdout=output)
    return output.getvalue().splitlines()


def failed(*arguments: str) -> list[str]:
    """Run the command, which must fail with status 1 and write nothing. Return its error lines."""
    before = every_row_version()
    with pytest.raises(CommandError) as caught:
        projects(*arguments)
    assert every_row_version() == before
    assert caught.value.returncode == 1
    return str(caught.value).splitlines()
