"""Reads the contents of the stores in a form that tests can compare."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.common import clock
from apps.common.aws import dynamodb_client
from apps.conversations.models import Conversation
from apps.conversations.selectors import find
from apps.messages import archive, store
from apps.messages.archive_parts import merged_places
from apps.messages.entries import MessageEntry
from apps.messages.versions import Encoded
from testbed.entries import decompressed, entry_of
from tests.support.builders import HOME, target
from tests.support.stored_form import read_entry

OUR_APPS = ("conversations", "conversation_messages", "analytics")


def every_row() -> dict[str, list[str]]:
    """Return the rows of each table as JSON objects."""
    return {
        table: sorted(content for _, content in rows) for table, rows in every_row_version().items()
    }


def every_row_version() -> dict[str, list[tuple[str, str]]]:
    """Return the physical location (`ctid`) and the content of each row, by table.

    An update moves a row even if it writes the same values; a row lock does not.
    """
    models = [model for app in OUR_APPS for model in apps.get_app_config(app).get_models()]
    rows = {}
    for table in (model._meta.db_table for model in models):
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT ctid::text, to_jsonb(t)::text FROM {table} t ORDER BY ctid"  # noqa: S608
            )
            rows[table] = cursor.fetchall()
    return rows


def every_item() -> list[dict[str, Any]]:
    """Return all items of the DynamoDB table, in the order of their keys."""
    items: list[dict[str, Any]] = []
    pages = (
        dynamodb_client()
        .get_paginator("scan")
        .paginate(TableName=settings.DYNAMODB_MESSAGE_TABLE, ConsistentRead=True)
    )
    for page in pages:
        items += page["Items"]
    return sorted(
        items, key=lambda item: (item["conversation_uuid"]["S"], item["message_key"]["S"])
    )


def items_as_text() -> str:
    """Return all items as text, to search them. Compressed entries are decompressed."""
    items = every_item()
    by_message = groupby(
        items,
        key=lambda item: (item["conversation_uuid"], item["message_key"]["S"].partition("#")[0]),
    )
    bodies = []
    for _, (head, *chunks) in by_message:
        joined = b"".join(chunk["chunk"]["B"] for chunk in chunks)
        bodies.append(entry_of(head) or decompressed(joined, head).decode(errors="replace"))
    return f"{items} {bodies}"


def unarchived_items() -> list[dict[str, Any]]:
    """Return the items of the DynamoDB table that no archive has merged, chunks included."""
    items = every_item()
    conversations = {item["conversation_uuid"]["S"] for item in items}
    merged = {uuid: merged_places(UUID(uuid)) for uuid in conversations}
    return [
        item
        for item in items
        if item["message_key"]["S"].partition("#")[0] not in merged[item["conversation_uuid"]["S"]]
    ]


def changes_of_rows(*, table: str) -> tuple[int, int, int]:
    """Return how many rows of a table this transaction has inserted, updated and deleted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_xact_user_tables"
            " WHERE relname = %s",
            [table],
        )
        inserted, updated, deleted = cursor.fetchone()
    return inserted, updated, deleted


@contextmanager
def counted_calls() -> Iterator[Counter[str]]:
    """Count the calls to DynamoDB by operation within the block, retries included."""
    calls: Counter[str] = Counter()

    def count(model: Any, **_event: Any) -> None:
        calls[model.name] += 1

    events = dynamodb_client().meta.events
    events.register("before-call.dynamodb", count)
    try:
        yield calls
    finally:
        events.unregister("before-call.dynamodb", count)


@contextmanager
def statements() -> Iterator[list[str]]:
    """Yield a list that has the SQL statements of the block after its end.

    Those that begin and end transactions and savepoints are left out.
    """
    made: list[str] = []
    with CaptureQueriesContext(connection) as queries:
        yield made
    made += [
        query["sql"]
        for query in queries
        if not query["sql"].startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"))
    ]


def written_entries(*, conversation_uuid: UUID, home: str = HOME) -> list[MessageEntry]:
    """Return all messages of a conversation in DynamoDB, archived or not."""
    batches = store.batches(conversation_uuid)
    return [read_entry(one, home=home) for batch in batches for one in batch.documents]


def stored_entries(*, conversation_uuid: UUID) -> list[MessageEntry]:
    """Return the messages of a conversation in DynamoDB that its archive lacks."""
    home = _home_of(conversation_uuid)
    batches = store.batches(conversation_uuid, known=merged_places(conversation_uuid))
    return [read_entry(one, home=home) for batch in batches for one in batch.documents]


def archived(*, conversation_uuid: UUID) -> Iterator[dict[str, Any]]:
    """Yield the entries of a conversation's archive, part by part."""
    conversation = Conversation.objects.get(uuid=conversation_uuid)
    for part in conversation.archive_parts.order_by("part"):
        yield from part.messages


def archived_ids(conversation: Conversation) -> list[str]:
    """Return the message ids of a conversation's archive, in its order."""
    return [message["id"] for message in archived(conversation_uuid=conversation.uuid)]


def stored_ids(conversation: Conversation) -> list[str]:
    """Return the ids of the messages in DynamoDB that a conversation's archive lacks."""
    return [entry.message_id for entry in stored_entries(conversation_uuid=conversation.uuid)]


def archive_many(*, conversation_uuid: UUID, entries: Sequence[MessageEntry]) -> int:
    """Merge messages into a conversation's archive; return how many it lacked."""
    home = _home_of(conversation_uuid)
    versions = {one.key(home=home): Encoded.of(one.as_json(home=home)) for one in entries}
    return archive.merge(conversation_uuid=conversation_uuid, versions=versions)


def store_many(
    *, conversation_uuid: UUID, entries: Sequence[MessageEntry], home: str | None = None
) -> None:
    """Store many messages with few calls."""
    home = home or _home_of(conversation_uuid)
    to = target(conversation_uuid, home=home)
    store.put_all(entries=[(to, entry) for entry in entries], now=clock.now())


def _home_of(conversation_uuid: UUID) -> str:
    """Return the group of a conversation. One that has only messages has the default group."""
    conversation = find(conversation_uuid)
    return conversation.group_id if conversation else HOME
