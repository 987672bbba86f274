"""The function that finds or opens the conversations of a batch of messages, version 4.

It also returns whether a message is the one that opened its conversation. Unlike `is_opened`, this
is true for every run of the message: a worker may end between opening the conversation and storing
the message, which names the contact of the conversation (ADR 48).

The first query of the loop finds the message again, because its place is in the span that it began,
in the group of the conversation.
"""

from importlib import import_module

from django.db import migrations

VERSION_3: str = import_module("apps.conversations.migrations.0023_find_or_open").FIND_OR_OPEN
CHANGES = (
    ("conversations_find_or_open_v3", "conversations_find_or_open_v4"),
    ("    is_opened bool\n)", "    is_opened bool, has_opened bool\n)"),
    (
        "found.conversation_id AS found_id\n",
        "found.conversation_id AS found_id, found.has_opened AS found_has_opened\n",
    ),
    (
        "SELECT last.conversation_id FROM (\n"
        "                SELECT conversation_id, last_sequence FROM",
        "SELECT last.conversation_id,\n"
        "                last.opened_sequence = sequence AND last.of_span_id IS NULL AS has_opened\n"
        "            FROM (\n"
        "                SELECT conversation_id, last_sequence, opened_sequence, of_span_id\n"
        "                FROM",
    ),
    (
        "        is_opened := false;\n",
        "        is_opened := false;\n        has_opened := coalesce(asked.found_has_opened, false);\n",
    ),
    (
        "            is_opened := true;\n",
        "            is_opened := true;\n            has_opened := true;\n",
    ),
)


def version_4() -> str:
    """Return the statement that creates the function. Raise ValueError if a change has no place."""
    statement = VERSION_3
    for before, after in CHANGES:
        if statement.count(before) != 1:
            raise ValueError(f"version 3 has this text {statement.count(before)} times: {before}")
        statement = statement.replace(before, after)
    return statement


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0023_find_or_open"),
    ]

    operations = [
        migrations.RunSQL(version_4(), "DROP FUNCTION conversations_find_or_open_v4"),
    ]
