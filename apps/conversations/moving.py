"""Apply a project's new closing rule to its open conversations, in short transactions.

A project's `moving_since` is set in the transaction that changes the rule, and cleared when all
conversations have moved. If the process ends before that, another one can move all of them again.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from apps.conversations import transitions
from apps.conversations.closing_times import latest_closing, next_closing
from apps.conversations.models import Conversation, Resolution
from apps.conversations.project_models import Project

# How many conversations one transaction locks.
PAGE = 1_000
# A queue's clock may be ahead of this one's, or this process may have waited for a lock.
CLOCK_SKEW = timedelta(minutes=5)
# Another process is most likely still moving the conversations of a project until then.
ABANDONED_AFTER = timedelta(minutes=1)

# The rows of the index of open conversations after one of them. Django cannot compare rows.
_PAGE_OF_OPEN = """
SELECT channel_uuid, contact_urn, uuid FROM conversations_conversation
WHERE project_id = %s AND resolution = 2 AND (channel_uuid, contact_urn) > (%s, %s)
ORDER BY channel_uuid, contact_urn LIMIT %s
"""
# Waits for a process that changes the rule, and makes the next such process wait.
_RULE_OF = "SELECT moving_since FROM conversations_project WHERE uuid = %s FOR SHARE"

_Key: TypeAlias = tuple[UUID, str]
_FIRST: _Key = (UUID(int=0), "")


def unfinished_moves(*, now: datetime) -> QuerySet[Project]:
    """Return the projects whose conversations have not all moved, most likely after a crash."""
    return Project.objects.filter(moving_since__lt=now - ABANDONED_AFTER)


def count_to_move(*, project: Project, now: datetime) -> int:
    """Return how many open conversations a rule that changes at `now` applies to."""
    return _to_move(project, now=now).count()


def move_open_conversations(*, project: Project, now: datetime) -> int:
    """Apply the closing rule that changed at `now` to the open conversations. Return how many.

    An overdue conversation does not move if it is overdue by the new rule too, because that would
    postpone its closing. The idle timeout starts again. Stop if the rule has changed again, because
    the process that changed it moves the conversations.
    """
    closes_at = _next_closing(project, after=now)
    changes = {
        "closes_at": closes_at,
        "postponed_from": None,
        "due_at": transitions.first_due(
            closes_at=closes_at, silent_since=now, idle_timeout=project.idle_timeout
        ),
        "close_requested_at": None,
    }
    moved = 0
    for uuids in _pages(project):
        with transaction.atomic():
            if not _is_current(project):
                return moved
            moved += _to_move(project, now=now).filter(uuid__in=uuids).update(**changes)
    if project.moving_since:
        Project.objects.filter(pk=project.pk, moving_since=now).update(moving_since=None)
    return moved


def _to_move(project: Project, *, now: datetime) -> QuerySet[Conversation]:
    last_closing = latest_closing(
        until=now, timezone=project.timezone, closing_time=project.closing_time
    )
    closing = _next_closing(project, after=now)
    not_due = Q(closes_at__gt=now, postponed_from=None) | Q(opened_at__gte=last_closing)
    # A conversation that opened later has the new rule already.
    by_new_rule = Q(closes_at__in=[closing, _next_closing(project, after=closing)])
    by_former_rule = Q(opened_at__lte=now) | (Q(opened_at__lt=now + CLOCK_SKEW) & ~by_new_rule)
    return Conversation.objects.filter(
        not_due,
        by_former_rule,
        project=project,
        resolution=Resolution.IN_PROGRESS,
        requested_resolution=None,
    )


def _pages(project: Project) -> Iterator[list[UUID]]:
    """Yield the uuids of the project's open conversations, in pages."""
    last = _FIRST
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_PAGE_OF_OPEN, [project.pk, *last, PAGE])
            rows = cursor.fetchall()
        if not rows:
            return
        yield [uuid for _, _, uuid in rows]
        last = rows[-1][:2]


def _is_current(project: Project) -> bool:
    """Return whether the rule is still the same. Lock it until the end of this transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_RULE_OF, [project.pk])
        row = cursor.fetchone()
    return row is not None and row[0] == project.moving_since


def _next_closing(project: Project, *, after: datetime) -> datetime:
    return next_closing(after=after, timezone=project.timezone, closing_time=project.closing_time)
