"""What changes a conversation: opening, updating, closing."""

from dataclasses import dataclass
from datetime import datetime, time
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction

from apps.conversations.closing_times import next_closing
from apps.conversations.contacts import Contact
from apps.conversations.models import Conversation, Project, Resolution
from apps.conversations.selectors import of_contact
from apps.errors import Unavailable

CLOSED = tuple(value for value in Resolution.values if value != Resolution.IN_PROGRESS)
ATTEMPTS_TO_OPEN = 3

# One statement, and no row version where the conversation exists and the contact had written in
# it before: ON CONFLICT DO UPDATE, or an update a message, is a dead row a message. The project's
# closing rule is compared under a share lock, so that a conversation cannot open under a rule
# that is being changed.
_FIND_OR_OPEN = """
WITH late AS (
    SELECT uuid FROM conversations_conversation
    WHERE project_id = %(project)s AND channel_uuid = %(channel)s AND contact_urn = %(urn)s
        AND resolution <> 2 AND %(at)s BETWEEN first_message_at AND last_message_at
    ORDER BY ended_at DESC LIMIT 1
), current AS (
    SELECT uuid FROM conversations_conversation
    WHERE project_id = %(project)s AND channel_uuid = %(channel)s AND contact_urn = %(urn)s
        AND resolution = 2 AND NOT EXISTS (SELECT FROM late)
), marked AS (
    UPDATE conversations_conversation SET contact_wrote = true
    WHERE %(contact_wrote)s AND NOT contact_wrote AND uuid = (SELECT uuid FROM current)
), opened AS (
    INSERT INTO conversations_conversation (
        uuid, project_id, channel_uuid, contact_urn, contact_name, group_id, external_id,
        started_at, opened_at, contact_wrote, closes_at, resolution, has_chats_room, message_count
    )
    SELECT %(uuid)s, uuid, %(channel)s, %(urn)s, %(contact_name)s, %(group_id)s, '',
        %(at)s, %(sent_at)s, %(contact_wrote)s, %(closes_at)s, 2, false, 0
    FROM conversations_project
    WHERE uuid = %(project)s AND timezone = %(timezone)s AND closing_time = %(closing_time)s
        AND NOT EXISTS (SELECT FROM late) AND NOT EXISTS (SELECT FROM current)
    FOR SHARE
    ON CONFLICT (project_id, channel_uuid, contact_urn) WHERE resolution = 2 DO NOTHING
    RETURNING uuid
)
SELECT uuid, true FROM late
UNION ALL SELECT uuid, false FROM current
UNION ALL SELECT uuid, false FROM opened
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """The conversation that a message belongs to; `late` if that one is closed already."""

    conversation_uuid: UUID
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowUpdate:
    """What a `conversation.window` says of a conversation; empty strings say nothing."""

    external_id: str
    contact_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _ClosingRule:
    timezone: str
    closing_time: time


def find_or_open(
    *,
    contact: Contact,
    at: datetime,
    sent_at: datetime,
    from_contact: bool,
    contact_name: str,
    group_id: str,
) -> Attribution:
    """The conversation of a message, decided by messages and not by a worker's clock.

    A message whose time `at` lies within the first and last message of a closed conversation is
    late and belongs to that one; any other belongs to the one in progress, which is opened if
    there is none. Raises Unavailable if others keep changing the same rows.
    """
    values = {
        "project": contact.project_uuid,
        "channel": contact.channel_uuid,
        "urn": contact.urn,
        "at": at,
        "sent_at": sent_at,
        "contact_wrote": from_contact,
        "contact_name": contact_name,
        "group_id": group_id,
        "uuid": uuid4(),
    }
    for _ in range(ATTEMPTS_TO_OPEN):
        rule = _closing_rule(contact.project_uuid)
        found = _run_find_or_open(values=values, rule=rule, sent_at=sent_at)
        if found:
            return found
        # The project is new or its closing rule has changed, or another worker opened the
        # conversation after this statement began.
        _closing_rule.cache_clear()
    raise Unavailable("PostgreSQL", "the conversation keeps changing")


def update_or_open(
    *, contact: Contact, window: WindowUpdate, sent_at: datetime, group_id: str
) -> None:
    """Write what a window says into the conversation in progress, or open one with it.

    A window older than the conversation in progress, or than the end of the last one, changes
    nothing: delivered again, it must not touch the successor of the conversation it meant.
    """
    latest = of_contact(contact).order_by("-opened_at").first()
    if latest and max(latest.opened_at, latest.ended_at or latest.opened_at) > sent_at:
        return
    attribution = find_or_open(
        contact=contact,
        at=sent_at,
        sent_at=sent_at,
        from_contact=False,
        contact_name=window.contact_name,
        group_id=group_id,
    )
    changes = _said(window)
    if changes and not attribution.late:
        (
            Conversation.objects.filter(uuid=attribution.conversation_uuid)
            .exclude(**changes)
            .update(**changes)
        )


def close(
    *, contact: Contact, resolution: Resolution, sent_at: datetime, takeover: WindowUpdate | None
) -> list[UUID]:
    """Close the contact's conversation in progress, unless it is younger than the closing event.

    Gives the contact's closed conversations whose messages have yet to be archived: after a crash
    that may be one that an earlier delivery of this event closed. `takeover` is what the window
    said by which a human took over.
    """
    changes: dict[str, Any] = {"resolution": resolution, "ended_at": sent_at}
    if takeover:
        changes |= {"has_chats_room": True, **_said(takeover)}
    with transaction.atomic():
        of_contact(contact).filter(
            resolution=Resolution.IN_PROGRESS, opened_at__lte=sent_at
        ).update(**changes)
        unarchived = of_contact(contact).filter(resolution__in=CLOSED, archived_at=None)
        return list(unarchived.values_list("uuid", flat=True))


def move_open_conversations(*, project: Project, now: datetime) -> int:
    """Have the project's open conversations close by its present rule; gives how many moved.

    Those whose closing is due already still close for that reason.
    """
    closes_at = next_closing(
        after=now, timezone=project.timezone, closing_time=project.closing_time
    )
    return Conversation.objects.filter(
        project=project, resolution=Resolution.IN_PROGRESS, closes_at__gt=now
    ).update(closes_at=closes_at)


def ensure_project(project_uuid: UUID) -> Project:
    """The project, made with the default zone on first sight."""
    project, _ = Project.objects.get_or_create(uuid=project_uuid)
    return project


def _said(window: WindowUpdate) -> dict[str, str]:
    said = {"external_id": window.external_id, "contact_name": window.contact_name}
    return {field: value for field, value in said.items() if value}


@lru_cache(maxsize=10_000)
def _closing_rule(project_uuid: UUID) -> _ClosingRule:
    """Cached: the statement itself finds out when it is outdated."""
    project = ensure_project(project_uuid)
    return _ClosingRule(timezone=project.timezone, closing_time=project.closing_time)


def _run_find_or_open(
    *, values: dict[str, Any], rule: _ClosingRule, sent_at: datetime
) -> Attribution | None:
    closes_at = next_closing(after=sent_at, timezone=rule.timezone, closing_time=rule.closing_time)
    with connection.cursor() as cursor:
        cursor.execute(
            _FIND_OR_OPEN,
            values
            | {
                "closes_at": closes_at,
                "timezone": rule.timezone,
                "closing_time": rule.closing_time,
            },
        )
        row = cursor.fetchone()
    return Attribution(conversation_uuid=row[0], late=row[1]) if row else None
