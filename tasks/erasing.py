"""The task that erases a contact, one message group at a time."""

import logging
from collections.abc import Iterable
from uuid import UUID

from celery import current_app, shared_task
from django.db import close_old_connections, transaction

from apps.analytics.erasing import delete_answers
from apps.common.clock import now
from apps.conversations import erasing
from apps.conversations.models import Erasure
from apps.messages.erasing import (
    ContactsLetters,
    count_stored,
    delete_archives,
    delete_dead_letters,
    delete_stored,
)
from celery_sqs_fifo import Pointer, PointerForm, publish_each
from tasks.base import PointerTask

logger = logging.getLogger(__name__)


@shared_task(base=PointerTask, pointer=PointerForm.ONE_UUID, is_barrier=True)
def erase_contact(erasure_uuid: str) -> None:
    """Delete the data of a contact in one group if the erasure was requested and is not done.

    DynamoDB comes first, because the rows of PostgreSQL say what to delete there. After a crash the
    next delivery continues, and reports everything that was removed.
    """
    close_old_connections()
    erasure = erasing.get_pending(UUID(erasure_uuid))
    if erasure is None:
        return
    conversations = erasing.conversations_of(erasure)
    if not erasure.removed:
        erasing.save_counts(erasure, dynamodb_messages=count_stored(conversations))
    delete_stored(conversations)
    _erase_from_postgresql(erasure.uuid, conversations)


def publish_erasures(erasures: Iterable[Erasure]) -> int:
    """Publish a pointer for each erasure. Return the number of pointers that SQS did not accept."""
    pointers = [
        Pointer(
            task=erase_contact,
            arguments=(str(erasure.uuid),),
            message_group=erasure.group_id,
            # A new request gets a new id, so that SQS does not drop its pointer.
            deduplication_id=f"{erasure.uuid}:{erasure.requested_at.timestamp():.6f}",
        )
        for erasure in erasures
    ]
    return len(publish_each(pointers, app=current_app))


def _erase_from_postgresql(erasure_uuid: UUID, conversations: list[UUID]) -> None:
    with transaction.atomic():
        erasure = erasing.lock(erasure_uuid, conversation_uuids=conversations)
        if erasure is None:
            return
        archived = delete_archives(conversations)
        answers = delete_answers(
            project_uuid=erasure.project_id,
            urn=erasure.contact_urn,
            conversation_uuids=conversations,
        )
        letters = delete_dead_letters(
            ContactsLetters(
                project_uuid=erasure.project_id,
                urn=erasure.contact_urn,
                group_ids=[erasure.group_id],
            )
        )
        erasing.complete(
            erasure,
            conversation_uuids=conversations,
            removed={
                "archived_messages": archived,
                "survey_answers": answers.answers,
                "outbox_events": answers.outbox_events,
                "lake_event_ids": answers.lake_event_ids,
                "dead_letters": letters,
            },
            now=now(),
        )
    logger.info(
        "contact_erased",
        extra={"erasure": str(erasure_uuid), "conversations": len(conversations)},
    )
