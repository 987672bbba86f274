"""The end of an event: count what its producer did wrong."""

import logging
from collections.abc import Iterator, Sequence

from django.db import DatabaseError

from apps.conversations.places import time_of
from apps.messages import producer_problems
from apps.messages.events import MessageEvent
from apps.messages.producer_problems import Finding, Problem
from celery_sqs_fifo import BatchItem
from tasks.steps.progress import Progress

logger = logging.getLogger(__name__)


def count_problems(batch: Sequence[BatchItem]) -> None:
    """Count the problems of the events that took effect.

    These counts never decide what becomes of an event, so an error of PostgreSQL is only logged.
    """
    findings = [finding for item in batch if item.outcome is None for finding in _findings(item)]
    try:
        producer_problems.count(findings)
    except DatabaseError as error:
        logger.warning("producer_problems_uncounted", extra={"error": type(error).__name__})


def _findings(item: BatchItem) -> Iterator[Finding]:
    progress: Progress = item.state
    event = progress.event
    project_uuid, at = event.contact.project_uuid, time_of(event.place)
    if event.attribute_type:
        yield Finding(project_uuid, at, Problem.TYPE_MISMATCH)
    if progress.is_foreign:
        yield Finding(project_uuid, at, Problem.FOREIGN_GROUP)
    if isinstance(event, MessageEvent):
        if event.entry and event.entry.stamped:
            yield Finding(project_uuid, at, Problem.IMPLAUSIBLE_TIME)
        if event.answer and event.answer.problem and progress.has_new_answer:
            yield Finding(project_uuid, at, Problem.NO_SCORE, str(event.answer.problem))
