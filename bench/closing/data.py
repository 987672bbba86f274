"""Makes conversations that are due, with one SQL statement, and messages in DynamoDB for some."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from apps.common.clock import now
from apps.messages import store
from apps.messages.entries import MessageEntry, content_hash
from bench.common.chat import CHANNEL

PROJECTS = 50
_OPEN_FOR = timedelta(hours=6)

_PROJECTS = """
INSERT INTO conversations_project (uuid, name, timezone, closing_time)
SELECT lpad(n::text, 32, '0')::uuid, 'Project ' || n, 'America/Sao_Paulo', '00:00'
FROM generate_series(1, %(projects)s) AS n
ON CONFLICT DO NOTHING
"""
# All are due at the same instant, as at midnight in one time zone.
_DUE = """
INSERT INTO conversations_conversation (
    uuid, project_id, channel_uuid, contact_urn, contact_name, group_id, external_id, started_at,
    opened_at, contact_wrote, closes_at, due_at, resolution, has_chats_room, message_count
)
SELECT gen_random_uuid(), lpad((1 + n %% %(projects)s)::text, 32, '0')::uuid, %(channel)s,
    %(prefix)s || n, 'Contact ' || n, %(prefix)s || n, '', %(opened_at)s, %(opened_at)s, true,
    %(due_at)s, %(due_at)s, 2, false, 0
FROM generate_series(1, %(number)s) AS n
RETURNING uuid
"""


def make_due(*, number: int, prefix: str, due_at: datetime) -> list[UUID]:
    """Make `number` conversations, each of its own contact, and return their ids."""
    parameters: dict[str, Any] = {
        "projects": PROJECTS,
        "channel": CHANNEL,
        "prefix": prefix,
        "opened_at": due_at - _OPEN_FOR,
        "due_at": due_at,
        "number": number,
    }
    with connection.cursor() as cursor:
        # The service's statement_timeout would end the long inserts.
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(_PROJECTS, parameters)
        cursor.execute(_DUE, parameters)
        made = [uuid for (uuid,) in cursor.fetchall()]
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("RESET statement_timeout")
    return made


def store_messages(conversations: list[UUID], *, each: int) -> None:
    """Store `each` messages in DynamoDB for each conversation, sent just after it was opened."""
    sent_at = now() - _OPEN_FOR
    store.put_all(
        entries=[
            (uuid, _entry(number, at=sent_at + timedelta(seconds=number)))
            for uuid in conversations
            for number in range(each)
        ],
        now=now(),
    )


def _entry(number: int, *, at: datetime) -> MessageEntry:
    message = {"id": f"m-{number}", "text": "How can I help you? " * 5, "source": "incoming"}
    return MessageEntry(
        message_id=f"m-{number}",
        at=at,
        sequence_number=str(number),
        event_type="message.received",
        correlation_id="",
        content_hash=content_hash(event_type="message.received", message=message),
        message=message,
        extra={},
    )
