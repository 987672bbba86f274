"""The probe that checks whether PostgreSQL and DynamoDB are available."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from celery import Task, shared_task
from django.db import connection

from apps.analytics.services import NewAnswer, record_answer
from apps.common.clock import now
from apps.common.errors import Unavailable
from apps.common.migrations import missing_migrations
from apps.conversations import probing, services
from apps.conversations.models import Resolution
from apps.conversations.places import place_at
from apps.conversations.scores import CSAT_KEY
from apps.conversations.spans import NewestMessage
from apps.messages import archive, message_table
from apps.messages.entries import MessageEntry
from apps.messages.event_types import ANSWER, CLOSING, MESSAGE_RECEIVED
from apps.messages.versions import Encoded
from celery_sqs_fifo import DONE, EventsFailed, Place
from tasks.base import PointerTask, outcome_of

logger = logging.getLogger(__name__)


@shared_task(base=PointerTask, bind=True)
def probe(task: Task) -> None:
    """Read and write in PostgreSQL and DynamoDB as events do. Raise an error if that fails.

    If plain messages would succeed, raise EventsFailed for the other kinds of events that would
    fail. It is not a pointer, so a message on the queue cannot start it.
    """
    # Use a new session, because an open one may lead to a server that was replaced in a failover.
    connection.close()
    _check_migrations()
    worker = str(task.request.hostname or "unnamed")
    probing.open_and_roll_back(now=now())
    probing.commit_row(worker=worker, now=now())
    message_table.probe(worker=worker, now=now())
    failed = []
    for kind, rehearse in REHEARSALS.items():
        try:
            rehearse(now())
        except Exception as error:
            failed.append(replace(outcome_of(error), reason=kind))
    if failed:
        raise EventsFailed([DONE, *failed])


def _check_migrations() -> None:
    """Raise Unavailable if this release has migrations that are not applied.

    A worker that was started too early would otherwise receive events, and fail at the first one
    that needs the new schema.
    """
    if missing := missing_migrations():
        logger.warning("migrations_missing", extra={"migrations": missing})
        raise Unavailable("PostgreSQL", "migrations are not applied: run manage.py migrate")


def answer(at: datetime) -> None:
    """Record a survey answer, and roll it back."""
    with probing.opened_conversation(now=at) as (contact, conversation_uuid):
        rehearsed = NewAnswer(
            contact=contact,
            conversation_uuid=conversation_uuid,
            place=_later(at),
            message_id="probe",
            key=CSAT_KEY,
            value="5",
            score=5,
            problem="",
            message=None,
            correlation_id="",
        )
        record_answer(answer=rehearsed, now=at)


def close(at: datetime) -> None:
    """Close a conversation and archive a message, and roll it back."""
    entry = MessageEntry(
        message_id="probe",
        at=at,
        stamped="",
        place=_later(at),
        event_type=MESSAGE_RECEIVED,
        correlation_id="",
        message={},
        extra={},
    )
    home = probing.GROUP
    versions = {entry.key(home=home): Encoded.of(entry.as_json(home=home))}
    with probing.opened_conversation(now=at) as (contact, conversation_uuid):
        newest = conversation_uuid and NewestMessage(
            conversation_uuid=conversation_uuid, place=None
        )
        closed = services.close(
            contact=contact,
            resolution=Resolution.RESOLVED,
            place=_later(at),
            newest=newest or None,
            now=at,
        )
        for closed_uuid in closed.to_migrate:
            archive.merge(conversation_uuid=closed_uuid, versions=versions)


def _later(at: datetime) -> Place:
    """Return a place behind the message that opened the conversation."""
    return place_at(queue_time=at, sequence_number=2, group=probing.GROUP)


# For each kind of event, a function that rehearses the work that plain messages do not need.
REHEARSALS: Mapping[str, Callable[[datetime], None]] = {ANSWER: answer, CLOSING: close}
