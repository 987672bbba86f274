"""Reads PostgreSQL, DynamoDB, the dead-letter queue and the lake, past the service's own code."""

import json
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2.extras import RealDictCursor

from tests.chaos.found import (
    FoundAnswer,
    FoundConversation,
    FoundDeadLetter,
    FoundMessage,
    LakeEvent,
    Stores,
    Version,
)
from tests.chaos.items import stored_entries
from tests.chaos.plan import sortable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Row = dict[str, Any]

_CONVERSATIONS = """
SELECT *, closes_at < now() - interval '1 minute' AS is_past_closing
FROM conversations_conversation ORDER BY opened_at, uuid
"""
_PARTS = """
SELECT conversation_id, messages FROM conversation_messages_conversationmessages
ORDER BY conversation_id, part
"""
_ANSWERS = "SELECT * FROM analytics_surveyanswer ORDER BY id"
_DEAD_LETTERS = "SELECT body, reason FROM conversation_messages_deadletter ORDER BY id"
_OUTBOX = "SELECT count(*) AS waiting FROM analytics_outboxevent WHERE delivered_at IS NULL"


def read_stores(
    *,
    database_url: str,
    items: list[dict[str, Any]],
    sqs: "SQSClient",
    queue_url: str,
    dead_letter_queue_url: str,
    lake: Path,
) -> Stores:
    """All of it, as it is; the dead-letter queue is empty afterwards. `items` are DynamoDB's."""
    stored = {uuid: _messages(entries) for uuid, entries in stored_entries(items).items()}
    with closing(psycopg2.connect(database_url)) as connection:
        parts: defaultdict[str, list[Any]] = defaultdict(list)
        for row in _rows(connection, _PARTS):
            parts[str(row["conversation_id"])] += row["messages"]
        conversations = [
            _conversation(row, parts.get(str(row["uuid"]), []), stored.pop(str(row["uuid"]), []))
            for row in _rows(connection, _CONVERSATIONS)
        ]
        answers = [_answer(row) for row in _rows(connection, _ANSWERS)]
        collected = [
            FoundDeadLetter(body=_unescaped(row["body"]), reason=row["reason"])
            for row in _rows(connection, _DEAD_LETTERS)
        ]
        (outbox,) = _rows(connection, _OUTBOX)
    waiting = _drained(sqs, dead_letter_queue_url)
    return Stores(
        conversations=conversations,
        answers=answers,
        dead_letters=[*collected, *waiting],
        lake=_lake_events(lake),
        strays=[message.message_id for messages in stored.values() for message in messages],
        left_on_queue=depth(sqs, queue_url),
        left_on_dead_letter_queue=len(waiting),
        left_in_outbox=int(outbox["waiting"]),
    )


def depth(sqs: "SQSClient", queue_url: str) -> int:
    """How many messages of a queue wait or are in flight."""
    answer = sqs.get_queue_attributes(
        QueueUrl=queue_url,
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )
    return sum(map(int, answer["Attributes"].values()))


def _rows(connection: Any, statement: str) -> list[Row]:
    with connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(statement)
        rows: list[Row] = cursor.fetchall()
    return rows


def _conversation(
    row: Row, archive: list[dict[str, Any]], stored: list[FoundMessage]
) -> FoundConversation:
    return FoundConversation(
        uuid=str(row["uuid"]),
        contact=_contact(row),
        opened_at=row["opened_at"].timestamp(),
        started_at=sortable(row["started_at"]),
        resolution=row["resolution"],
        external_id=row["external_id"],
        has_chats_room=row["has_chats_room"],
        is_past_closing=row["is_past_closing"],
        csat=row["csat"],
        nps=row["nps"],
        message_count=row["message_count"],
        is_archived=row["archived_at"] is not None,
        archive=[_message([entry, *entry.get("edits", [])]) for entry in archive],
        stored=stored,
    )


def _answer(row: Row) -> FoundAnswer:
    return FoundAnswer(
        number=row["id"],
        contact=_contact(row),
        message_id=row["message_id"],
        sequence=int(row["sequence_number"]),
        key=row["key"],
        value=row["value"],
        score=row["score"],
        conversation_uuid=str(row["conversation_id"]) if row["conversation_id"] else None,
    )


def _contact(row: Row) -> tuple[str, str, str]:
    return str(row["project_id"]), str(row["channel_uuid"]), row["contact_urn"]


def _messages(entries: list[dict[str, Any]]) -> list[FoundMessage]:
    """DynamoDB has an item for each version of a message."""
    by_id: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in sorted(entries, key=lambda each: int(each["sequence_number"])):
        by_id[entry["id"]].append(entry)
    return [_message(versions) for versions in by_id.values()]


def _message(entries: list[dict[str, Any]]) -> FoundMessage:
    return FoundMessage(
        message_id=entries[0]["id"],
        versions=[
            Version(
                text=str(entry["message"].get("text", "")),
                created_at=entry["created_at"],
                sequence=int(entry["sequence_number"]),
            )
            for entry in entries
        ],
    )


def _unescaped(body: str) -> str:
    """The table keeps `\\uXXXX` for a character that it cannot hold, and marks what stood before.

    The generator's bodies are ASCII, so that only backslashes before a "u" are marked.
    """
    return body.replace("\\u005c", "\\")


def _drained(sqs: "SQSClient", queue_url: str) -> list[FoundDeadLetter]:
    letters = []
    while messages := sqs.receive_message(
        QueueUrl=queue_url,
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
    ).get("Messages"):
        for message in messages:
            told = message.get("MessageAttributes", {})
            reason = told["reason"]["StringValue"] if "reason" in told else "redrive"
            letters.append(FoundDeadLetter(body=message["Body"], reason=reason))
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return letters


def _lake_events(lake: Path) -> list[LakeEvent]:
    events = [
        json.loads(line)
        for path in sorted(lake.rglob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    return [
        LakeEvent(
            event_id=event["event_id"],
            contact_urn=event["contact_urn"],
            key=event["key"],
            value=event["value"],
        )
        for event in events
    ]
