"""Attribution: finding or opening the conversation that a message belongs to."""

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

# The migration conversations.0007_find_or_open creates this function and explains its statement.
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
    """The facts that decide a message's conversation, and the first values of a new one.

    `at` is the producer's time of the message, and `sent_at` is when its event was queued. An event
    that is not a message has no such time, so it cannot be late: `may_be_late` is false for it.
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
    """The conversation that a message belongs to; `late` if that conversation is closed.

    `conversation_uuid` is None if the message was queued before its contact was erased. Two fields
    are for metrics: `opened` if the message opened the conversation, and `foreign_group` if it
    arrived in another message group than the conversation's, so that SQS does not order the two.
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
    """Return the attribution of each message, using one SQL statement for all.

    A message is late if its time lies between the first and the last message of a closed
    conversation of its contact: then it belongs to that conversation. Any other message belongs to
    the conversation in progress, and opens one if the contact has none. A message that was queued
    before its contact was erased belongs to no conversation and opens none.

    Raise Unavailable if the same rows change during each of three attempts.
    """
    found: dict[int, Attribution] = {}
    for _ in range(ATTEMPTS):
        missing = {number: m for number, m in enumerate(messages) if number not in found}
        found |= _execute(missing)
        if len(found) == len(messages):
            return [found[number] for number in range(len(messages))]
        # The project's closing rule is not the cached one, or another worker opened the
        # conversation after this statement began.
        _closing_rule.cache_clear()
    raise Unavailable("PostgreSQL", "the conversation keeps changing")


def ensure_project(project_uuid: UUID) -> Project:
    """Return the project; create it with the default time zone if it does not exist."""
    project, _ = Project.objects.get_or_create(uuid=project_uuid)
    return project


def _execute(messages: dict[int, IncomingMessage]) -> dict[int, Attribution]:
    rows = [_row(number, message) for number, message in messages.items()]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    with connection.cursor() as cursor:
        cursor.execute(_FIND_OR_OPEN, columns)
        results = cursor.fetchall()
    return {
        number: Attribution(
            conversation_uuid=conversation_uuid,
            late=late,
            opened=opened,
            foreign_group=foreign_group,
        )
        for number, conversation_uuid, late, erased, opened, foreign_group in results
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
    """Return a project's closing rule. The SQL statement detects a cached rule that is outdated."""
    project = ensure_project(project_uuid)
    return _ClosingRule(
        timezone=project.timezone,
        closing_time=project.closing_time,
        idle_timeout=project.idle_timeout,
    )
