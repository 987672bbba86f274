"""Which conversation a message belongs to: decided by messages, not by a worker's clock."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

from apps.common.errors import Unavailable
from apps.conversations.closing_times import next_closing
from apps.conversations.contacts import Contact
from apps.conversations.erasing import contact_hash
from apps.conversations.models import Project
from apps.conversations.transitions import ARCHIVE_OPEN_EVERY, first_due

ATTEMPTS = 3

# Made by the migration conversations.0007_find_or_open, where its statement is explained.
_FIND_OR_OPEN = """
SELECT * FROM conversations_find_or_open_v1 (
    %(number)s::int[], %(project)s::uuid[], %(channel)s::uuid[], %(urn)s::text[],
    %(at)s::timestamptz[], %(sent_at)s::timestamptz[], %(from_contact)s::bool[],
    %(contact_name)s::text[], %(group_id)s::text[], %(uuid)s::uuid[],
    %(closes_at)s::timestamptz[], %(timezone)s::text[], %(closing_time)s::time[],
    %(idle_timeout)s::interval[], %(due_at)s::timestamptz[],
    %(archive_check_at)s::timestamptz[], %(may_be_late)s::bool[], %(contact_hash)s::text[]
)
"""


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
        cursor.execute(_FIND_OR_OPEN, columns)
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
