"""Reads PostgreSQL, DynamoDB, the queues and the data lake, without the service's code."""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2.extras import RealDictCursor, register_default_jsonb

from testbed.checker.escapes import read_json, unescape
from testbed.checker.stores import (
    FoundAnswer,
    FoundConversation,
    FoundDeadLetter,
    FoundMessage,
    FoundVersion,
    LakeEvent,
    Stores,
)
from testbed.entries import decompressed, entry_of
from testbed.traffic.events import ContactId, JsonObject, sortable
from testbed.traffic.sending import depth

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

Row = dict[str, Any]

# Each column has the name of its field.
_CONVERSATIONS = """
SELECT uuid::text, ARRAY[project_id::text, channel_uuid::text, contact_urn] AS contact,
    started_at, closes_at, ended_at, resolution, contact_name, external_id,
    has_chats_room, csat, nps, message_count, archived_at IS NOT NULL AS is_archived,
    closes_at < now() - interval '1 minute' AS is_past_closing
FROM conversations_conversation ORDER BY opened_at, uuid
"""
_PARTS = """
SELECT conversation_id::text AS uuid, messages, merged_places
FROM conversation_messages_conversationmessages ORDER BY conversation_id, part
"""
_ANSWERS = """
SELECT answer.id AS number,
    ARRAY[project_id::text, channel_uuid::text, contact_urn] AS contact,
    message_id, sequence_number, key, value, score, problem <> '' AS has_problem,
    conversation_id::text AS conversation_uuid,
    event_id::text, delivered_at IS NOT NULL AS is_delivered
FROM analytics_surveyanswer answer
LEFT JOIN analytics_outboxevent outbox ON outbox.answer_id = answer.id
ORDER BY answer.id
"""
_DEAD_LETTERS = """
SELECT body, source_message_id, reason, error, group_id, sequence_number::text, queue_time::text,
    receive_count::text, redriven_at IS NOT NULL AS is_redriven
FROM conversation_messages_deadletter ORDER BY id
"""
_OUTBOX = "SELECT count(*) AS waiting FROM analytics_outboxevent WHERE delivered_at IS NULL"


def read_stores(
    *,
    database_url: str,
    dynamodb: "DynamoDBClient",
    table: str,
    sqs: "SQSClient",
    queue_url: str,
    dead_letter_queue_url: str,
    lake: Path,
) -> Stores:
    """Return everything that the service has stored, and empty the dead-letter queue."""
    entries = stored_entries(_items(dynamodb, table=table))
    with closing(psycopg2.connect(database_url)) as connection:
        register_default_jsonb(connection, loads=read_json)
        parts: defaultdict[str, list[Row]] = defaultdict(list)
        for row in _rows(connection, _PARTS):
            parts[row["uuid"]].append(row)
        conversations = [
            _conversation(row, parts[row["uuid"]], entries.pop(row["uuid"], {}))
            for row in _rows(connection, _CONVERSATIONS)
        ]
        answers = [_answer(row) for row in _rows(connection, _ANSWERS)]
        collected = [_dead_letter(row) for row in _rows(connection, _DEAD_LETTERS)]
        (outbox,) = _rows(connection, _OUTBOX)
    waiting = list(_drained(sqs, dead_letter_queue_url))
    return Stores(
        conversations=conversations,
        answers=answers,
        dead_letters=[*collected, *waiting],
        lake=list(_lake_events(lake)),
        strays=[str(entry["id"]) for unknown in entries.values() for entry in unknown.values()],
        left_on_queue=depth(sqs, queue_url),
        left_on_dead_letter_queue=len(waiting),
        left_in_outbox=int(outbox["waiting"]),
    )


def stored_entries(items: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, JsonObject]]:
    """Return every version of every message in DynamoDB's items, by conversation and sort key.

    A large body is stored in chunks, whose keys are the key of their head followed by a number. The
    item of a window that opened a conversation has no message, and is left out. Raises KeyError if
    a chunk is missing, and ValueError if a compressed body is damaged.
    """
    heads = []
    chunks = {}
    for item in items:
        key = (item["conversation_uuid"]["S"], item["message_key"]["S"])
        if "chunk" in item:
            chunks[key] = item["chunk"]["B"]
        elif "opened" not in item:
            heads.append((key, item))
    entries: defaultdict[str, dict[str, JsonObject]] = defaultdict(dict)
    for (uuid, key), item in heads:
        text: str | bytes = entry_of(item)
        if "chunks" in item:
            count = int(item["chunks"]["N"])
            body = b"".join(chunks[uuid, f"{key}#{number:04d}"] for number in range(count))
            text = decompressed(body, item)
        entries[uuid][key] = read_json(text)
    return dict(entries)


def not_archived(
    stored: Mapping[str, JsonObject], *, merged_places: Iterable[bytes]
) -> list[JsonObject]:
    """Return the entries whose keys no part of an archive has merged.

    The others stay in DynamoDB until they expire. `merged_places` are compressed keys, by part.
    """
    keys = [zlib.decompress(packed).decode().split(" ") for packed in merged_places if packed]
    merged = {key for of_part in keys for key in of_part}
    return [entry for key, entry in stored.items() if key not in merged]


def _items(dynamodb: "DynamoDBClient", *, table: str) -> Iterator[Row]:
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        yield from page["Items"]


def _rows(connection: Any, statement: str) -> list[Row]:
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(statement)
        rows: list[Row] = cursor.fetchall()
    return rows


def _conversation(row: Row, parts: list[Row], stored: dict[str, JsonObject]) -> FoundConversation:
    contact = tuple(row.pop("contact"))
    archive = [entry for part in parts for entry in part["messages"]]
    left = not_archived(stored, merged_places=[part["merged_places"] for part in parts])
    by_id: defaultdict[tuple[str, str], list[JsonObject]] = defaultdict(list)
    # DynamoDB has an item for each version of a message, and for each repeat.
    for entry in sorted(left, key=lambda one: (one["created_at"], _sequence_number(one))):
        versions = by_id[entry["event_type"], entry["id"]]
        if _as_sent(entry, contact) not in [_as_sent(one, contact) for one in versions]:
            versions.append(entry)
    return FoundConversation(
        contact=contact,
        started_at=sortable(row.pop("started_at")),
        archive=[_message([entry, *entry.get("edits", [])], contact) for entry in archive],
        stored=[_message(versions, contact) for versions in by_id.values()],
        **row,
    )


def _message(entries: list[JsonObject], contact: ContactId) -> FoundMessage:
    return FoundMessage(
        message_id=str(unescape(entries[0]["id"])),
        versions=[
            FoundVersion(
                document=_as_sent(entry, contact),
                created_at=entry["created_at"],
                sequence_number=_sequence_number(entry),
            )
            for entry in entries
        ],
    )


def _sequence_number(entry: JsonObject) -> int:
    """Return the sequence number in an entry's place, which begins with "+" in a foreign group."""
    return int(entry["place"].lstrip("+~").partition("-")[0])


def _as_sent(entry: JsonObject, contact: ContactId) -> JsonObject:
    """Return the event from which the entry was made, with all its fields."""
    extra = entry.get("extra", {})
    identity = dict(zip(("project_uuid", "channel_uuid", "contact_urn"), contact, strict=True))
    document: JsonObject = unescape(
        {
            **extra.get("event", {}),
            "event_type": entry["event_type"],
            "correlation_id": entry["correlation_id"],
            "data": {**identity, **extra.get("data", {}), "message": entry["message"]},
        }
    )
    return document


def _answer(row: Row) -> FoundAnswer:
    contact, sequence_number = tuple(row.pop("contact")), int(row.pop("sequence_number"))
    return FoundAnswer(contact=contact, sequence_number=sequence_number, **row)


def _dead_letter(row: Row) -> FoundDeadLetter:
    """Return a dead letter from its row, in which texts are escaped."""
    return FoundDeadLetter(
        body=unescape(row.pop("body")),
        source_message_id=row["source_message_id"],
        is_redriven=row.pop("is_redriven"),
        fields=row,
    )


def _drained(sqs: "SQSClient", queue_url: str) -> Iterator[FoundDeadLetter]:
    while messages := sqs.receive_message(
        QueueUrl=queue_url,
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
    ).get("Messages"):
        for message in messages:
            attributes = message.get("MessageAttributes", {})
            fields = {name: value.get("StringValue", "") for name, value in attributes.items()}
            if place := fields.pop("place", ""):
                queue_time, sequence_number, fields["group_id"] = place.split("-", 2)
                fields["queue_time"] = str(datetime.fromtimestamp(int(queue_time) / 1_000, UTC))
                fields["sequence_number"] = str(int(sequence_number))
            yield FoundDeadLetter(
                body=message["Body"],
                # A message that SQS itself moves keeps its id.
                source_message_id=fields.get("source_message_id") or message["MessageId"],
                fields=fields,
            )
            # SQS delivers the next messages of the group only after the delete.
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])


def _lake_events(lake: Path) -> Iterator[LakeEvent]:
    for path in sorted(lake.rglob("*.jsonl")):
        # splitlines would also split at line separators within JSON strings.
        for line in filter(None, path.read_text(encoding="utf-8").split("\n")):
            event = read_json(line)
            yield LakeEvent(
                event_id=event["event_id"],
                project=event["project"],
                contact_urn=event["contact_urn"],
                key=event["key"],
                value=event["value"],
                conversation_uuid=(event.get("metadata") or {}).get("conversation_uuid"),
            )
