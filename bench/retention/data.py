"""Adds to a year of conversations what retention deletes, with SQL statements."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from apps.common.lossless_json import dump
from apps.messages.entries import MessageEntry
from apps.messages.merged_places import pack
from apps.messages.versions import identity
from bench.common.filling import fill
from bench.common.year import YEAR, parameters_of_year
from celery_sqs_fifo.place import Place

# Every second project has it.
ARCHIVE_RETENTION = timedelta(days=300)
# The settings of the service.
RETENTIONS = {
    "RETENTION_ANSWERS": "315d",
    "RETENTION_CONVERSATIONS": "330d",
    "RETENTION_DEAD_LETTERS": "90d",
    "RETENTION_AUDIT": "335d",
}
CONVERSATIONS_PER_LETTER = 100
CONVERSATIONS_PER_AUDIT_ENTRY = 10
ANSWERS_WAITING_EVERY = 1_000
_PERIOD = timedelta(days=365)
_MAX_MESSAGES = 40
_GROUP = "group"

_ARCHIVE_RETENTIONS = """
UPDATE conversations_project SET archive_retention = %(archive_retention)s
WHERE right(name, 1) IN ('0', '2', '4', '6', '8')
"""
# All archives with the same number of messages have the same content.
_ARCHIVES = """
INSERT INTO conversation_messages_conversationmessages (
    conversation_id, part, messages, message_ids, first_position, first_message_at,
    last_message_at, message_count, size, merged_places
)
SELECT uuid, 0, messages, message_ids, '', first_message_at, last_message_at, message_count, size,
    merged_places
FROM conversations_conversation JOIN jsonb_to_recordset(%(examples)s) AS example (
    message_count int, messages jsonb, message_ids text[], size int, merged_places bytea
) USING (message_count)
WHERE ended_at IS NOT NULL
"""
_SPANS = """
INSERT INTO conversations_span (
    conversation_id, project_id, channel_uuid, contact_urn, group_id, first_sequence,
    last_sequence, starts_at, start_sequence, start_group, opened_at, opened_sequence, ended_at,
    end_sequence, end_group
)
SELECT uuid, project_id, channel_uuid, contact_urn, group_id, 1,
    CASE WHEN ended_at IS NOT NULL THEN 100 END, opened_at, 1, group_id, opened_at, 1, ended_at,
    CASE WHEN ended_at IS NOT NULL THEN 101 END,
    CASE WHEN ended_at IS NULL THEN '' ELSE group_id END
FROM conversations_conversation
"""
_ATTRIBUTIONS = """
INSERT INTO conversations_attributedevent (
    project_id, channel_uuid, contact_urn, group_id, sequence_number, conversation_id
)
SELECT project_id, channel_uuid, contact_urn, group_id, id, conversation_id
FROM analytics_surveyanswer
"""
# The outbox keeps delivered events for a week.
_OUTBOX = """
INSERT INTO analytics_outboxevent (
    event_id, answer_id, payload, created_at, delivered_at, refusal
)
SELECT gen_random_uuid(), id, jsonb_build_object('key', key, 'value', value), answered_at,
    CASE WHEN id %% %(waiting_every)s > 0 THEN answered_at END, ''
FROM analytics_surveyanswer
WHERE id %% %(waiting_every)s = 0 OR answered_at > %(until)s - interval '7 days'
"""
_LETTERS = """
INSERT INTO conversation_messages_deadletter (
    message_id, source_message_id, group_id, sequence_number, body, attributes, reason, error,
    queue_time, receive_count, contact_urn, collected_at, redrive_count
)
SELECT md5('letter ' || n), '', md5('group ' || n), n, repeat('x', 400), '{}', 'bug', '', at, 5, '',
    at, 0
FROM (
    SELECT n, %(first)s + n * (%(until)s - %(first)s) / %(letters)s AS at
    FROM generate_series(0, %(letters)s - 1) AS n
) AS made
"""
_AUDIT_ENTRIES = """
INSERT INTO conversations_auditentry (
    at, actor, source, action, object_type, object_id, detail
)
SELECT %(first)s + n * (%(until)s - %(first)s) / %(audit_entries)s, 'operator', 'admin', 'read',
    'conversation', md5('conversation ' || n)::uuid, '{}'
FROM generate_series(0, %(audit_entries)s - 1) AS n
"""


def make_rows(*, conversations: int, until: datetime) -> None:
    """Fill the migrated, empty tables with rows of a year, then run VACUUM ANALYZE."""
    period = parameters_of_year(conversations=conversations, first=until - _PERIOD, until=until)
    fill(
        *YEAR,
        _ARCHIVE_RETENTIONS,
        _ARCHIVES,
        _SPANS,
        _ATTRIBUTIONS,
        _OUTBOX,
        _LETTERS,
        _AUDIT_ENTRIES,
        parameters={
            **period,
            "archive_retention": ARCHIVE_RETENTION,
            "examples": json.dumps([_example(number + 1) for number in range(_MAX_MESSAGES)]),
            "waiting_every": ANSWERS_WAITING_EVERY,
            "letters": conversations // CONVERSATIONS_PER_LETTER,
            "audit_entries": conversations // CONVERSATIONS_PER_AUDIT_ENTRY,
        },
    )


def _example(messages: int) -> Mapping[str, Any]:
    """Return the columns of an archive with that many messages, as the service writes them."""
    entries = [_entry(number) for number in range(messages)]
    documents = [entry.as_json(home=_GROUP) for entry in entries]
    places = {entry.key(home=_GROUP) for entry in entries}
    return {
        "message_count": messages,
        "messages": documents,
        "message_ids": [identity(document) for document in documents],
        "size": len(dump(documents)),
        # The text form of bytes in PostgreSQL.
        "merged_places": f"\\x{pack(places).hex()}",
    }


def _entry(number: int) -> MessageEntry:
    message_id = str(uuid5(NAMESPACE_OID, str(number)))
    # A text that hardly compresses.
    text = sha256(message_id.encode()).hexdigest()
    at = datetime.fromisoformat("2026-01-01T12:00:00Z") + timedelta(seconds=number)
    return MessageEntry(
        message_id=message_id,
        at=at,
        stamped="",
        place=Place(round(at.timestamp() * 1000), number + 1, _GROUP),
        event_type="message.received",
        correlation_id=message_id,
        message={"id": message_id, "text": text},
        extra={},
    )
