"""Migrations create indexes while the service runs. After an interruption, they can be rerun."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection

# They run all migrations backwards and forwards.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

NAME = "conversation_wanted"


@pytest.fixture(autouse=True)
def _restore_index(transactional_db: None) -> Iterator[None]:
    """Restore all tables before the fixture of the database empties them."""
    yield
    migrate("0005_audit_log")
    call_command("migrate", verbosity=0)


def index_is_valid() -> bool | None:
    """Return whether the index is valid, or None if it does not exist."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [NAME])
        row = cursor.fetchone()
    return row[0] if row else None


def timeouts() -> list[str]:
    """Return the statement and lock timeouts of this connection."""
    with connection.cursor() as cursor:
        found = []
        for name in ("statement_timeout", "lock_timeout"):
            cursor.execute(f"SHOW {name}")
            found.append(cursor.fetchone()[0])
    return found


def migrate(name: str) -> None:
    """Migrate the app conversations to this migration."""
    call_command("migrate", "conversations", name, verbosity=0)


def test_an_interrupted_migration_recreates_an_invalid_index() -> None:
    before = timeouts()
    migrate("0005_audit_log")
    assert index_is_valid() is None
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX {NAME} ON conversations_conversation (opened_at)")
        cursor.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(%s)", [NAME]
        )

    migrate("0006_lists")

    assert index_is_valid() is True
    assert timeouts() == before


def test_an_interrupted_migration_keeps_a_valid_index() -> None:
    migrate("0005_audit_log")
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX {NAME} ON conversations_conversation (opened_at)")
        cursor.execute("SELECT to_regclass(%s)::oid", [NAME])
        (oid,) = cursor.fetchone()

    migrate("0006_lists")

    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)::oid", [NAME])
        assert cursor.fetchone() == (oid,)
