"""Each command ends with one sentence if PostgreSQL is unavailable or not migrated."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from tests.support.builders import PROJECT, URN

COMMANDS = [
    ("conversations", "show", str(PROJECT)),
    ("dlq", "list"),
    ("dlq", "redrive", "--every", "--yes"),
    ("erase", f"--contact={URN}", f"--project={PROJECT}", "--yes"),
    ("outbox", "list"),
    ("outbox", "retry"),
    ("producers",),
    ("projects", "list"),
    ("projects", "set", str(PROJECT), "--timezone=UTC"),
    ("provision",),
    ("report",),
    ("retention", "--yes"),
]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("aws"),
    pytest.mark.parametrize("command", COMMANDS, ids=" ".join),
]


@pytest.fixture
def without_tables() -> Iterator[None]:
    """Use a session without tables, as in a database that is not migrated."""
    with connection.cursor() as cursor:
        cursor.execute("SET search_path = nowhere")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET search_path")


def refused(command: tuple[str, ...]) -> str:
    """Run a command that must fail. Return its sentence."""
    with pytest.raises(CommandError) as refusal:
        call_command(*command, stdout=io.StringIO())
    return str(refusal.value)


def test_an_unavailable_database_is_reported_with_what_to_do(command: tuple[str, ...]) -> None:
    def refuse(*_arguments: Any) -> Any:
        raise OperationalError

    with connection.execute_wrapper(refuse):
        sentence = refused(command)

    assert sentence.startswith("PostgreSQL cannot be used at ")
    assert "DATABASE_URL" in sentence
    assert "again" in sentence


@pytest.mark.usefixtures("without_tables")
def test_a_database_without_tables_is_reported_with_what_to_do(command: tuple[str, ...]) -> None:
    assert refused(command) == (
        "PostgreSQL does not have the tables of this version: run `python manage.py migrate`."
    )
