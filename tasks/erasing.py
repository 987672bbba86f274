"""The task that erases a contact, and the pointers that start it."""

import logging
from uuid import UUID

from celery import current_app, shared_task
from django.db import close_old_connections, transaction

from apps.analytics.erasing import delete_answers
from apps.common.clock import now
from apps.conversations import erasing
from apps.conversations.erasure_models import Erasure
from apps.messages import deletions
from apps.messages.erasing import (
    count_stored,
    delete_archives,
    delete_letters_before,
    delete_stored,
)
from celery_sqs_fifo import Place, Pointer, PointerForm, publish_each
from tasks.base import PointerTask

SEARCHES = 100

logger = logging.getLogger(__name__)


@shared_task(base=PointerTask, pointer=PointerForm.ONE_UUID, is_barrier=True)
def erase_contact(erasure_uuid: str) -> None:
    """Delete the data of a contact from before this pointer if the erasure is not done yet.

    DynamoDB comes first, because the rows of PostgreSQL say what to delete there. After a crash the
    next delivery continues, and reports everything that was removed.
    """
    close_old_connections()
    erasure = erasing.find(UUID(erasure_uuid))
    if erasure is None:
        return
    if erasure.erased_at:
        # The pointer of another group was first. Events of this group may have run at that time.
        delete_stored(erasure.conversation_uuids)
        return
    mark = erase_contact.place
    conversations = _conversations(erasure, mark)
    if not erasure.removed:
        erasing.save_counts(erasure, dynamodb_messages=count_stored(conversations))
    delete_stored(conversations)
    erased = _erase_from_postgresql(erasure, mark)
    if erased is not None:
        logger.info("contact_erased", extra={"erasure": erasure_uuid, "conversations": len(erased)})


def search_again() -> None:
    """Delete from DynamoDB what was written about erased contacts while they were erased.

    A frozen worker may have stored a message that it had attributed before.
    """
    for erasure in erasing.due_for_search(limit=SEARCHES, now=now()):
        delete_stored(erasure.conversation_uuids)
        erasing.complete_search(erasure)


def publish_erasure(erasure: Erasure) -> int:
    """Publish a pointer through each group of an erasure. Return how many SQS did not accept."""
    pointers = [
        Pointer(
            task=erase_contact,
            arguments=(str(erasure.uuid),),
            message_group=group_id,
            # A new request gets a new id, so that SQS does not drop its pointers.
            deduplication_id=f"{erasure.uuid}:{erasure.requested_at.timestamp():.6f}",
        )
        for group_id in erasure.group_ids
    ]
    return len(publish_each(pointers, app=current_app))


@transaction.atomic
def _erase_from_postgresql(pending: Erasure, mark: Place) -> list[UUID] | None:
    """Return the conversations that were erased, or None if the erasure is not pending any more."""
    erasure = erasing.lock(pending)
    if erasure is None:
        return None
    project_uuid, urn = erasure.project_id, erasure.contact_urn
    # Events of other groups may have opened one since DynamoDB was searched.
    conversations = _conversations(erasure, mark)
    erasing.lock_conversations(conversations)
    archived = delete_archives(conversations)
    deletions.delete_before(mark, project_uuid=project_uuid, urn=urn)
    answers = delete_answers(
        project_uuid=project_uuid, urn=urn, conversation_uuids=conversations, mark=mark
    )
    letters = delete_letters_before(mark, project_uuid=project_uuid, urn=urn)
    erasing.complete(
        erasure,
        conversation_uuids=conversations,
        mark=mark,
        removed={
            "archived_messages": archived,
            "survey_answers": answers.answers,
            "outbox_events": answers.outbox_events,
            "lake_event_ids": answers.lake_event_ids,
            "dead_letters": letters,
        },
        now=now(),
    )
    return conversations


def _conversations(erasure: Erasure, mark: Place) -> list[UUID]:
    return erasing.begun_before(mark, project_uuid=erasure.project_id, urn=erasure.contact_urn)
