"""Indexes that are made while the service works: cut off, the next run goes on."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "conversation_wanted"


@pytest.fixture(autouse=True)
def _back_in_place() -> Iterator[None]:
    yield
    migrate("0005_audit_log")
    call_command("migrate", verbosity=0)


def state() -> bool | None:
    """Whether the index is valid; None if there is none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [NAME])
        row = cursor.fetchone()
    return row[0] if row else None


def bounds() -> list[str]:
    """What bounds statements and locks of this connection."""
    with connection.cursor() as cursor:
        found = []
        for name in ("statement_timeout", "lock_timeout"):
            cursor.execute(f"SHOW {name}")
            found.append(cursor.fetchone()[0])
    return found


def migrate(name: str) -> None:
    """Go to this migration of the conversations."""
    call_command("migrate", "conversations", name, verbosity=0)


def test_a_migration_that_was_cut_off_makes_again_what_was_left_half_made() -> None:
    before = bounds()
    migrate("0005_audit_log")
    assert state() is None
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX {NAME} ON conversations_conversation (opened_at)")
        cursor.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(%s)", [NAME]
        )

    migrate("0006_lists")

    assert state() is True
    assert bounds() == before


def test_an_index_that_was_made_before_the_cut_is_left() -> None:
    migrate("0005_audit_log")
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX {NAME} ON conversations_conversation (opened_at)")
        cursor.execute("SELECT to_regclass(%s)::oid", [NAME])
        (made,) = cursor.fetchone()

    migrate("0006_lists")

    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)::oid", [NAME])
        assert cursor.fetchone() == (made,)
