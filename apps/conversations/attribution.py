"""Which conversation a message belongs to: decided by messages, not by a worker's clock."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4
from weakref import WeakSet

from django.db import connection

from apps.common.errors import Unavailable
from apps.conversations.closing_times import next_closing
from apps.conversations.contacts import Contact
from apps.conversations.erasing import contact_hash
from apps.conversations.models import Project
from apps.conversations.transitions import ARCHIVE_OPEN_EVERY, first_due

ATTEMPTS = 3

# One statement for a whole bundle, and no row version where a conversation exists and its contact
# had written in it before: ON CONFLICT DO UPDATE, or an update a message, is a dead row a message.
# Rows are made in the order of their keys, so that two bundles cannot wait for each other. The
# project's closing rule is compared under a share lock, so that no conversation opens under a rule
# that is being changed. What was queued before its contact was erased has no place.
#
# Planning it takes PostgreSQL longer than running it, so each connection has it planned once, and
# again when autovacuum has found that a table has grown (PostgreSQL, "PREPARE"). Each LIMIT 1 makes
# it look rows up by their key, even if it plans while a table is new.
_PREPARE = """
PREPARE find_or_open (
    int[], uuid[], uuid[], text[], timestamptz[], timestamptz[], bool[], text[], text[], uuid[],
    timestamptz[], text[], time[], interval[], timestamptz[], timestamptz[], bool[], text[]
) AS
WITH asked AS (
    SELECT * FROM unnest(
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18
    ) AS asked (
        number, project, channel, urn, at, sent_at, from_contact, contact_name, group_id, uuid,
        closes_at, timezone, closing_time, idle_timeout, due_at, archive_check_at, may_be_late,
        contact_hash
    )
), placed AS (
    SELECT asked.*, late.uuid AS late, current.uuid AS current,
        coalesce(late.group_id, current.group_id) AS its_group_id
    FROM asked
    LEFT JOIN LATERAL (
        SELECT closed.uuid, closed.group_id FROM conversations_conversation AS closed
        WHERE closed.project_id = project AND closed.channel_uuid = channel
            AND closed.contact_urn = urn AND closed.resolution <> 2 AND may_be_late
            AND at BETWEEN closed.first_message_at AND closed.last_message_at
        ORDER BY closed.ended_at DESC LIMIT 1
    ) AS late ON true
    LEFT JOIN LATERAL (
        SELECT open.uuid, open.group_id FROM conversations_conversation AS open
        WHERE open.project_id = project AND open.channel_uuid = channel
            AND open.contact_urn = urn AND open.resolution = 2
        LIMIT 1
    ) AS current ON true
    LEFT JOIN LATERAL (
        SELECT true AS is_erased FROM conversations_erasure AS erasure
        WHERE erasure.project_id = project AND erasure.contact_hash = asked.contact_hash
            AND erasure.requested_at >= sent_at
        LIMIT 1
    ) AS erased ON true
    WHERE is_erased IS NULL
), marked AS (
    UPDATE conversations_conversation SET contact_wrote = true
    WHERE NOT contact_wrote
        AND uuid IN (SELECT current FROM placed WHERE from_contact AND late IS NULL)
), rules AS (
    SELECT uuid, timezone, closing_time, idle_timeout FROM conversations_project
    WHERE uuid IN (SELECT project FROM placed WHERE late IS NULL AND current IS NULL)
    FOR SHARE
), opened AS (
    INSERT INTO conversations_conversation (
        uuid, project_id, channel_uuid, contact_urn, contact_name, group_id, external_id,
        started_at, opened_at, contact_wrote, closes_at, due_at, archive_check_at, resolution,
        has_chats_room, message_count
    )
    SELECT DISTINCT ON (project, channel, urn)
        placed.uuid, project, channel, urn, contact_name, group_id, '', at, sent_at,
        bool_or(from_contact) OVER (PARTITION BY project, channel, urn), closes_at, due_at,
        archive_check_at, 2, false, 0
    FROM placed JOIN rules ON rules.uuid = project
        AND rules.timezone = placed.timezone AND rules.closing_time = placed.closing_time
        AND rules.idle_timeout IS NOT DISTINCT FROM placed.idle_timeout
    WHERE late IS NULL AND current IS NULL
    ORDER BY project, channel, urn, number
    ON CONFLICT (project_id, channel_uuid, contact_urn) WHERE resolution = 2 DO NOTHING
    RETURNING uuid, project_id, channel_uuid, contact_urn, group_id
)
SELECT number, coalesce(late, current, opened.uuid), late IS NOT NULL, placed.uuid IS NULL,
    coalesce(opened.uuid = placed.uuid, false),
    coalesce(coalesce(placed.its_group_id, opened.group_id) <> placed.group_id, false)
FROM asked LEFT JOIN placed USING (number)
LEFT JOIN opened ON late IS NULL AND current IS NULL AND opened.project_id = placed.project
    AND opened.channel_uuid = placed.channel AND opened.contact_urn = placed.urn
"""
_EXECUTE = """
EXECUTE find_or_open (
    %(number)s::int[], %(project)s::uuid[], %(channel)s::uuid[], %(urn)s::text[],
    %(at)s::timestamptz[], %(sent_at)s::timestamptz[], %(from_contact)s::bool[],
    %(contact_name)s::text[], %(group_id)s::text[], %(uuid)s::uuid[],
    %(closes_at)s::timestamptz[], %(timezone)s::text[], %(closing_time)s::time[],
    %(idle_timeout)s::interval[], %(due_at)s::timestamptz[],
    %(archive_check_at)s::timestamptz[], %(may_be_late)s::bool[], %(contact_hash)s::text[]
)
"""
# The connections that know the statement.
_prepared_in: WeakSet[Any] = WeakSet()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class IncomingMessage:
    """What decides the conversation of a message, and what a new one would start with.

    `at` is the message's own time, `sent_at` when its event was queued. What is no message cannot
    be late: it has no time of its own.
    """

    contact: Contact
    at: datetime
    sent_at: datetime
    from_contact: bool
    contact_name: str
    group_id: str
    may_be_late: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """The conversation that a message belongs to; `late` if that one is closed already.

    It belongs to none if it was queued before its contact was erased. `opened` and `foreign_group`
    are for counting: the message opened it; it came by another group than the conversation's own,
    which then orders nothing between the two.
    """

    conversation_uuid: UUID | None
    late: bool
    opened: bool = field(default=False, compare=False)
    foreign_group: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ClosingRule:
    timezone: str
    closing_time: time
    idle_timeout: timedelta | None


def find_or_open(messages: Sequence[IncomingMessage]) -> list[Attribution]:
    """The conversation of each message, with one SQL statement for all.

    A message whose time lies within the first and last message of a closed conversation of its
    contact is late and belongs to that one; any other belongs to the one in progress, which is
    opened if there is none. One that was queued before its contact was erased has none, and opens
    none. Raises Unavailable if others keep changing the same rows.
    """
    found: dict[int, Attribution] = {}
    for _ in range(ATTEMPTS):
        missing = {number: m for number, m in enumerate(messages) if number not in found}
        found |= _ask(missing)
        if len(found) == len(messages):
            return [found[number] for number in range(len(messages))]
        # A project is new or its closing rule has changed, or another worker opened the
        # conversation after this statement began.
        _closing_rule.cache_clear()
    raise Unavailable("PostgreSQL", "the conversation keeps changing")


def ensure_project(project_uuid: UUID) -> Project:
    """The project, made with the default zone on first sight."""
    project, _ = Project.objects.get_or_create(uuid=project_uuid)
    return project


def _ask(messages: dict[int, IncomingMessage]) -> dict[int, Attribution]:
    rows = [_row(number, message) for number, message in messages.items()]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    with connection.cursor() as cursor:
        if connection.connection not in _prepared_in:
            cursor.execute(_PREPARE)
            _prepared_in.add(connection.connection)
        cursor.execute(_EXECUTE, columns)
        answers = cursor.fetchall()
    return {
        number: Attribution(
            conversation_uuid=conversation_uuid,
            late=late,
            opened=opened,
            foreign_group=foreign_group,
        )
        for number, conversation_uuid, late, erased, opened, foreign_group in answers
        if conversation_uuid or erased
    }


def _row(number: int, message: IncomingMessage) -> dict[str, Any]:
    rule = _closing_rule(message.contact.project_uuid)
    closes_at = next_closing(
        after=message.sent_at, timezone=rule.timezone, closing_time=rule.closing_time
    )
    return {
        "number": number,
        "project": message.contact.project_uuid,
        "channel": message.contact.channel_uuid,
        "urn": message.contact.urn,
        "at": message.at,
        "sent_at": message.sent_at,
        "from_contact": message.from_contact,
        "contact_name": message.contact_name,
        "group_id": message.group_id,
        "uuid": uuid4(),
        "closes_at": closes_at,
        "timezone": rule.timezone,
        "closing_time": rule.closing_time,
        "idle_timeout": rule.idle_timeout,
        "due_at": first_due(
            closes_at=closes_at, silent_since=message.sent_at, idle_timeout=rule.idle_timeout
        ),
        "archive_check_at": message.sent_at + ARCHIVE_OPEN_EVERY,
        "may_be_late": message.may_be_late,
        "contact_hash": contact_hash(
            project_uuid=message.contact.project_uuid, urn=message.contact.urn
        ),
    }


@lru_cache(maxsize=10_000)
def _closing_rule(project_uuid: UUID) -> _ClosingRule:
    """Cached: the statement itself finds out when it is outdated."""
    project = ensure_project(project_uuid)
    return _ClosingRule(
        timezone=project.timezone,
        closing_time=project.closing_time,
        idle_timeout=project.idle_timeout,
    )
