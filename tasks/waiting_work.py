"""Whether a task that beat starts every minute has anything to do.

A tick without work would cost three calls to SQS: to send, receive and delete it. Times are
compared with PostgreSQL's clock, because the clock of beat's machine may be behind.
"""

import logging
from collections.abc import Callable, Mapping
from time import monotonic

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from apps.analytics import datalake
from apps.analytics.models import OutboxEvent
from apps.analytics.outbox import RETENTION
from apps.common import aws
from apps.conversations.erasure_models import Erasure
from apps.conversations.models import CLOSED, Conversation, Resolution
from apps.conversations.project_models import Project
from apps.messages.models import DeadLetter
from observability.queue_depths import read_depth
from tasks.closing import archive_before_expiry, archive_late_messages, close_due_conversations
from tasks.datalake import send_data_lake_event
from tasks.deadletters.collect import collect_dead_letters

logger = logging.getLogger(__name__)


# How long nothing is asked after a failure, in seconds: a question can wait as long as a call to
# its dependency may take.
SILENT_FOR = 60.0


class Asking:
    """Asks whether tasks have work, but not soon after a question that failed."""

    def __init__(self, *, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._silent_until = 0.0

    def has_work(self, task: str) -> bool:
        """Return whether a task must be started now: True for a task that is not in HAS_WORK.

        Return True if a dependency fails: the task itself then says what is wrong.
        """
        find = HAS_WORK.get(task)
        if find is None or self._now() < self._silent_until:
            return True
        try:
            return find()
        except Exception as error:
            self._silent_until = self._now() + SILENT_FOR
            connection.close()
            logger.info("waiting_work_unknown", extra={"task": task, "error": type(error).__name__})
            return True


def _has_closings() -> bool:
    is_due = Conversation.objects.filter(due_at__lte=Now()).exists()
    return is_due or Project.objects.exclude(moving_since=None).exists()


def _has_open_archives() -> bool:
    due = Conversation.objects.filter(archive_check_at__lte=Now())
    return due.filter(resolution=Resolution.IN_PROGRESS).exists()


def _has_late_archives() -> bool:
    due = Conversation.objects.filter(archive_check_at__lte=Now(), resolution__in=CLOSED)
    return due.exists() or Erasure.objects.filter(search_at__lte=Now()).exists()


def _has_answers_to_send() -> bool:
    waiting = OutboxEvent.objects.filter(delivered_at=None, refusal="")
    old = OutboxEvent.objects.filter(delivered_at__lt=Now() - RETENTION)
    return (not datalake.is_off() and waiting.exists()) or old.exists()


def _has_dead_letters() -> bool:
    if DeadLetter.objects.exclude(redrive_requested_at=None).exists():
        return True
    depth = read_depth(aws.sqs_client(), settings.SQS_CONVERSATION_DLQ_URL)
    return depth.waiting > 0


HAS_WORK: Mapping[str, Callable[[], bool]] = {
    close_due_conversations.name: _has_closings,
    archive_before_expiry.name: _has_open_archives,
    archive_late_messages.name: _has_late_archives,
    send_data_lake_event.name: _has_answers_to_send,
    collect_dead_letters.name: _has_dead_letters,
}
