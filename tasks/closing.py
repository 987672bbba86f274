"""Closing conversations at their time, and moving the messages of closed ones to the archive."""

import logging
from uuid import UUID, uuid4

from celery import current_app, shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.db import close_old_connections

from apps.common.clock import now
from apps.conversations import archive_checks, closing, operator_requests
from apps.conversations.closing import Claim
from apps.messages import store
from apps.messages.archiving import migrate
from celery_sqs_fifo import FifoTask, Pointer, PointerForm, Result, publish_each
from observability.metrics import counters
from tasks.base import PointerTask, outcome_of

logger = logging.getLogger(__name__)

# What is sent at once is what a message that comes then may have to wait for.
PAGE = 100
CHECKS_PAGE = 200


@shared_task(base=PointerTask, pointer=PointerForm.NO_ARGUMENTS, message_group="closing")
def close_due_conversations() -> None:
    """Send each conversation that is due a pointer through its group.

    One page at a time: the next tick is queued behind this page's pointers, so that messages of
    all others come in between, however many conversations close at once.
    """
    close_old_connections()
    claims = closing.claim_due(limit=PAGE, now=now())
    unsent = publish_each([_pointer(claim) for claim in claims], app=current_app)
    if unsent:
        closing.give_back([UUID(pointer.arguments[0]) for pointer in unsent], now=now())
    elif len(claims) == PAGE:
        close_due_conversations.apply_async(deduplication_id=str(uuid4()))
    logger.info("closings_sent", extra={"sent": len(claims) - len(unsent), "unsent": len(unsent)})


@shared_task(base=PointerTask, pointer=PointerForm.ONE_UUID, is_barrier=True)
def close_conversation(conversation_uuid: str) -> None:
    """Close a conversation if it is due, and archive it."""
    close_old_connections()
    uuid = UUID(conversation_uuid)
    newest = store.newest_message_at(uuid)
    looked = closing.close_if_due(
        conversation_uuid=uuid,
        newest_message_at=newest,
        queued_at=close_conversation.queued_at,
        now=now(),
    )
    if looked.closed_by:
        counters.metrics().closed.labels(looked.closed_by).inc()
    if looked.to_archive:
        migrate_on_close.run_in_this_delivery(conversation_uuid)


@shared_task(base=PointerTask, pointer=PointerForm.ONE_UUID, is_barrier=True)
def reopen_conversation(conversation_uuid: str) -> None:
    """Reopen a conversation, if somebody asked for it and nothing has come in between."""
    close_old_connections()
    try:
        operator_requests.reopen(conversation_uuid=UUID(conversation_uuid), now=now())
    except operator_requests.Refused as refused:
        logger.warning(
            "reopen_refused", extra={"conversation": conversation_uuid, "why": str(refused)}
        )


@shared_task(base=PointerTask, pointer=PointerForm.ONE_UUID)
def migrate_on_close(conversation_uuid: str) -> None:
    """Move what a conversation has in DynamoDB into its archive.

    Safe beside anything: it locks the row, merges, and deletes only what it has read.
    """
    close_old_connections()
    counters.moved(migrate(conversation_uuid=UUID(conversation_uuid), now=now()))


@shared_task(base=PointerTask, pointer=PointerForm.NO_ARGUMENTS, message_group="archiving")
def archive_before_expiry() -> None:
    """Move the messages of conversations that stay open long before DynamoDB deletes them."""
    if _check_archives(in_progress=True) == CHECKS_PAGE:
        archive_before_expiry.apply_async(deduplication_id=str(uuid4()))


@shared_task(base=PointerTask, pointer=PointerForm.NO_ARGUMENTS, message_group="late-archiving")
def archive_late_messages() -> None:
    """Move what was written into closed conversations late, and finish incomplete archives."""
    if _check_archives(in_progress=False) == CHECKS_PAGE:
        archive_late_messages.apply_async(deduplication_id=str(uuid4()))


def _pointer(claim: Claim) -> Pointer:
    task: FifoTask = reopen_conversation if claim.reopens else close_conversation
    return Pointer(
        task=task,
        arguments=(str(claim.conversation_uuid),),
        message_group=claim.group_id,
        # The same for a claim that is sent again, and another one for the next claim.
        deduplication_id=f"{claim.conversation_uuid}:{claim.claimed_at.timestamp():.6f}",
    )


def _check_archives(*, in_progress: bool) -> int:
    """Move what is found of one page of conversations; gives how many there were.

    A bug in one keeps nobody else waiting: it is reported, and comes again with its lease.
    """
    close_old_connections()
    checks = archive_checks.claim(in_progress=in_progress, limit=CHECKS_PAGE, now=now())
    for check in checks:
        try:
            moved = migrate(conversation_uuid=check.conversation_uuid, now=now())
            counters.moved(moved)
            archive_checks.complete(check, now=now())
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:
            if outcome_of(error).result is Result.UNAVAILABLE:
                raise
        else:
            if moved and check.was_archived:
                counters.metrics().late.labels("by_search").inc(moved)
                logger.warning(
                    "late_messages_archived",
                    extra={"conversation": str(check.conversation_uuid), "messages": moved},
                )
    return len(checks)
