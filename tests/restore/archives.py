"""Reads from PostgreSQL which events' messages are in which archives."""

import zlib
from collections import Counter
from contextlib import closing
from typing import Any

import psycopg2

_PARTS = "SELECT merged_places FROM conversation_messages_conversationmessages"
_UUIDS = "SELECT uuid::text FROM conversations_conversation"


def archived_places(database_url: str) -> Counter[int]:
    """Return the sequence numbers of all archived events, with how often each is archived.

    Each is archived once if no part of any archive has it again.
    """
    places: Counter[int] = Counter()
    for (packed,) in _rows(database_url, _PARTS):
        keys = zlib.decompress(packed).decode().split(" ")
        # A key begins with the sequence number, behind a mark if it is of another group.
        places.update(int(key.lstrip("+~").partition("-")[0]) for key in keys)
    return places


def conversation_uuids(database_url: str) -> set[str]:
    """Return the uuids of all conversations."""
    return {uuid for (uuid,) in _rows(database_url, _UUIDS)}


def close_all(database_url: str) -> None:
    """Make the closing of all open conversations due."""
    with (
        closing(psycopg2.connect(database_url)) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "UPDATE conversations_conversation SET closes_at = now(), due_at = now()"
            " WHERE resolution = 2"
        )


def _rows(database_url: str, statement: str) -> list[tuple[Any]]:
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())
