"""The task that deletes what is beyond its retention, and the list of what has one."""

import logging
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from uuid import uuid4

from celery import shared_task
from django.conf import settings
from django.db import close_old_connections

from apps.analytics import retention
from apps.analytics.models import SurveyAnswer
from apps.common.clock import now
from apps.common.expiry import Expiry
from apps.conversations import audit
from apps.conversations.audit_models import AuditEntry
from apps.conversations.models import Conversation
from apps.conversations.project_models import Project
from apps.messages import dead_letters, deletions, producer_problems
from apps.messages.archive_retention import DeletedPage, delete_page, projects_with_retention
from apps.messages.models import DeadLetter, MessageDeletion, ProducerProblem
from celery_sqs_fifo import PointerForm
from tasks.base import PointerTask

# The maximum number of transactions in one run, so that a worker returns to its messages.
MAX_PAGES = 20

logger = logging.getLogger(__name__)


@shared_task(
    name="tasks.retention.delete_expired",
    base=PointerTask,
    pointer=PointerForm.NO_ARGUMENTS,
    message_group="retention",
)
def delete_expired() -> None:
    """Delete what is beyond its retention: archives, and rows that have a retention of their own.

    One run deletes a limited number of pages, and queues another run for the rest.
    """
    close_old_connections()
    pages = _pages(now())
    if sum(1 for _page in islice(pages, MAX_PAGES)) == MAX_PAGES:
        delete_expired.apply_async(deduplication_id=str(uuid4()))


def expiries() -> list[Expiry]:
    """Return the kinds of rows.

    Those that are deleted together with another kind come before it.
    """
    return [
        Expiry(
            singular="answer",
            plural="answers",
            model=SurveyAnswer,
            retention=settings.RETENTION_ANSWERS,
            age="answered_at",
            expired=retention.expired_answers,
            before_deleting=retention.before_deleting_answers,
        ),
        Expiry(
            singular="conversation",
            plural="conversations",
            model=Conversation,
            retention=settings.RETENTION_CONVERSATIONS,
            age="ended_at",
            expired=retention.expired_conversations,
            lock=retention.lock_conversations,
            before_deleting=retention.before_deleting_conversations,
        ),
        Expiry(
            singular="dead letter",
            plural="dead letters",
            model=DeadLetter,
            retention=settings.RETENTION_DEAD_LETTERS,
            age="collected_at",
            expired=dead_letters.collected_before,
        ),
        Expiry(
            singular="deletion without a message",
            plural="deletions without a message",
            model=MessageDeletion,
            retention=deletions.MAX_WAIT,
            age="recorded_at",
            expired=deletions.waited_since,
        ),
        Expiry(
            singular="count of a producer's problem",
            plural="counts of producers' problems",
            model=ProducerProblem,
            retention=producer_problems.KEPT_FOR,
            age="day",
            expired=producer_problems.counted_before,
        ),
        Expiry(
            singular="audit entry",
            plural="audit entries",
            model=AuditEntry,
            retention=settings.RETENTION_AUDIT,
            age="at",
            expired=audit.entries_before,
        ),
    ]


def delete_archives(project: Project, *, at: datetime) -> Iterator[DeletedPage]:
    """Delete the expired archives of a project. Yield each page after its commit."""
    while (page := delete_page(project=project, now=at)).conversations:
        logger.info(
            "archives_deleted",
            extra={
                "project_uuid": str(project.uuid),
                "conversations": page.archives.conversations,
                "messages": page.archives.messages,
            },
        )
        yield page


def delete_rows(expiry: Expiry, *, at: datetime) -> Iterator[int]:
    """Delete the expired rows of a kind. Yield the number of rows of each page after its commit."""
    while keys := expiry.delete_page(now=at):
        logger.info(
            "expired_rows_deleted",
            extra={"kind": expiry.plural, "rows": len(keys), "ids": ",".join(map(str, keys))},
        )
        yield len(keys)


def _pages(at: datetime) -> Iterator[object]:
    for project in projects_with_retention():
        yield from delete_archives(project, at=at)
    for expiry in expiries():
        yield from delete_rows(expiry, at=at)
