"""The finding of `manage.py doctor` about whether events can take effect."""

import pytest
from django.db import connection

from operations.doctor import postgresql
from operations.doctor.findings import Status

RENAME_FUNCTION = """
DO $$ BEGIN EXECUTE (
    SELECT string_agg(format('ALTER FUNCTION %s RENAME TO gone_%s', oid::regprocedure, oid), ';')
    FROM pg_proc
    WHERE proname LIKE 'conversations_find_or_open%'
); END $$
"""


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("statement", "what", "state", "remedy"),
    [
        (
            "CREATE SCHEMA empty; SET LOCAL search_path TO empty",
            "open a conversation",
            "42P01",
            "manage.py migrate",
        ),
        (RENAME_FUNCTION, "open a conversation", "42883", "manage.py migrate"),
        (
            "CREATE ROLE reader; SET LOCAL ROLE reader",
            "open a conversation",
            "42501",
            "GRANT SELECT, INSERT, UPDATE",
        ),
        (
            "SET LOCAL transaction_read_only = on",
            "open a conversation",
            "25006",
            "Set DATABASE_URL to the primary",
        ),
        (
            "ALTER TABLE analytics_outboxevent RENAME TO gone",
            "record an answer",
            "42P01",
            "manage.py migrate",
        ),
        (
            "ALTER TABLE conversation_messages_conversationmessages RENAME TO gone",
            "close a conversation",
            "42P01",
            "manage.py migrate",
        ),
    ],
    ids=["tables", "function", "grants", "read-only", "outbox", "archive"],
)
def test_a_step_of_an_event_that_would_fail_is_found(
    statement: str, what: str, state: str, remedy: str
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)

    (finding,) = [each for each in postgresql.check() if each.check == "postgresql.event"]

    assert finding.status is Status.ERROR
    assert finding.found.startswith(f"An event cannot {what}: ")
    assert finding.found.endswith(f"({state})")
    assert remedy in finding.remedy
