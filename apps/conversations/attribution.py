"""Attribution: finding or opening the conversation that a message belongs to."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

from django.db import connection
from django.utils.duration import duration_iso_string

from apps.common.errors import Contended
from apps.conversations.closing_times import next_closing
from apps.conversations.contacts import Contact
from apps.conversations.erasing import contact_hash, group_hash
from apps.conversations.places import time_of
from apps.conversations.project_models import Project
from apps.conversations.transitions import ARCHIVE_OPEN_EVERY, first_due
from celery_sqs_fifo.place import Place

ATTEMPTS = 3

# The migration conversations.0023_find_or_open creates this function, and 0012 explains it.
FUNCTION = "conversations_find_or_open_v2"
_FIND_OR_OPEN = f"SELECT * FROM {FUNCTION} (%s::jsonb)"  # noqa: S608 (a constant)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class IncomingMessage:
    """The facts that decide a message's conversation, and the first values of a new one.

    Its place decides. `at` is the message's time in the transcript. If the message opens a
    conversation, `at` becomes the `started_at` of the conversation. `opens` is the uuid of that
    conversation, if it had one before PostgreSQL was restored; by default it is new.
    """

    contact: Contact
    place: Place
    at: datetime
    from_contact: bool
    contact_name: str
    opens: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """The conversation that a message belongs to; `late` if that conversation is closed.

    `conversation_uuid` is None if the message was queued before its contact was erased. `home` is
    the group of the conversation. `has_opened` is true in every run of the message that opened the
    conversation. Two fields are for metrics: `opened` if this run opened the conversation, and
    `foreign_group` if the message arrived in a message group other than the conversation's. SQS
    does not order messages of different groups.
    """

    conversation_uuid: UUID | None
    late: bool
    home: str = field(default="", compare=False)
    has_opened: bool = field(default=False, compare=False)
    opened: bool = field(default=False, compare=False)
    foreign_group: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ClosingRule:
    timezone: str
    closing_time: time
    idle_timeout: timedelta | None


def find_or_open(messages: Sequence[IncomingMessage]) -> list[Attribution]:
    """Return the attribution of each message, using one SQL statement for all.

    A message belongs to the conversation with the span that contains its place. If there is none,
    it belongs to the contact's next conversation, if that opened within 24 hours after it, and
    otherwise to a conversation of its own, which is closed at once if a later one exists. A message
    that was queued before its contact was erased belongs to no conversation and opens none.

    Raise Contended if the closing rule of a project changes during each of three attempts.
    """
    found: dict[int, Attribution] = {}
    for _ in range(ATTEMPTS):
        missing = {number: m for number, m in enumerate(messages) if number not in found}
        found |= _execute(missing)
        if len(found) == len(messages):
            return [found[number] for number in range(len(messages))]
        # The project's closing rule is not the cached one.
        _closing_rule.cache_clear()
    raise Contended("PostgreSQL", "the closing rule of a project keeps changing")


def ensure_project(project_uuid: UUID) -> Project:
    """Return the project; create it with the default time zone if it does not exist."""
    project, _ = Project.objects.get_or_create(uuid=project_uuid)
    return project


def _execute(messages: dict[int, IncomingMessage]) -> dict[int, Attribution]:
    rows = [_row(number, message) for number, message in messages.items()]
    with connection.cursor() as cursor:
        cursor.execute(_FIND_OR_OPEN, [json.dumps(rows, default=_as_text)])
        results = cursor.fetchall()
    return {
        number: Attribution(
            conversation_uuid=conversation_uuid,
            late=late,
            home=home or "",
            has_opened=has_opened,
            opened=opened,
            foreign_group=bool(home) and home != messages[number].place.group,
        )
        for number, conversation_uuid, home, late, erased, opened, has_opened in results
        if conversation_uuid or erased
    }


def _row(number: int, message: IncomingMessage) -> dict[str, Any]:
    queue_time = time_of(message.place)
    rule = _closing_rule(message.contact.project_uuid)
    closes_at = next_closing(
        after=queue_time, timezone=rule.timezone, closing_time=rule.closing_time
    )
    return {
        "number": number,
        "project": message.contact.project_uuid,
        "channel": message.contact.channel_uuid,
        "urn": message.contact.urn,
        "queue_time": queue_time,
        "sequence": message.place.sequence_number,
        "group_id": message.place.group,
        "at": message.at,
        "from_contact": message.from_contact,
        "contact_name": message.contact_name,
        "uuid": message.opens or uuid4(),
        "closes_at": closes_at,
        "timezone": rule.timezone,
        "closing_time": rule.closing_time,
        "idle_timeout": rule.idle_timeout,
        "due_at": first_due(
            closes_at=closes_at, silent_since=queue_time, idle_timeout=rule.idle_timeout
        ),
        "archive_check_at": queue_time + ARCHIVE_OPEN_EVERY,
        "contact_hash": contact_hash(
            project_uuid=message.contact.project_uuid, urn=message.contact.urn
        ),
        "group_hash": group_hash(message.place.group),
    }


def _as_text(value: UUID | datetime | time | timedelta) -> str:
    return duration_iso_string(value) if isinstance(value, timedelta) else str(value)


@lru_cache(maxsize=10_000)
def _closing_rule(project_uuid: UUID) -> _ClosingRule:
    """Return a project's closing rule. The SQL statement detects a cached rule that is outdated."""
    project = ensure_project(project_uuid)
    return _ClosingRule(
        timezone=project.timezone,
        closing_time=project.closing_time,
        idle_timeout=project.idle_timeout,
    )
