"""The tasks that close and reopen conversations and archive their messages."""

import logging
from uuid import UUID, uuid4

from celery import current_app, shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.db import close_old_connections

from apps.common.clock import now
from apps.conversations import archive_checks, closing, operator_requests, projects, selectors
from apps.conversations.closing import Claim
from apps.messages import store
from apps.messages.archiving import migrate
from celery_sqs_fifo import FifoTask, Pointer, PointerForm, Result, publish_each
from observability.metrics import counters
from tasks.base import PointerTask, outcome_of
from tasks.erasing import search_again

logger = logging.getLogger(__name__)

# The maximum number of pointers that one run publishes. A message that arrives meanwhile may have
# to wait for all of them.
PAGE = 100
CHECKS_PAGE = 200


@shared_task(base=PointerTask, pointer=PointerForm.NO_ARGUMENTS, message_group="closing")
def close_due_conversations() -> None:
    """Publish a pointer to each conversation that is due, in the conversation's message group.

    If a process has changed a closing rule and ended before it applied the rule to the open
    conversations, this task first applies it. One run publishes one page of pointers. The run for
    the next page is queued after them, so that messages of other conversations come in between.
    """
    close_old_connections()
    projects.finish_abandoned_moves(now=now())
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
    conversation = selectors.find(uuid)
    if conversation is None:
        return
    decision = closing.close_if_due(
        contact=selectors.contact_of(conversation),
        conversation_uuid=uuid,
        newest=store.newest_place(uuid, home=conversation.group_id),
        place=close_conversation.place,
        now=now(),
    )
    if decision.closed_by:
        counters.metrics().closed.labels(decision.closed_by).inc()
    if decision.to_archive:
        migrate_on_close.run_in_this_delivery(conversation_uuid)


@shared_task(base=PointerTask, pointer=PointerForm.ONE_UUID, is_barrier=True)
def reopen_conversation(conversation_uuid: str) -> None:
    """Reopen a conversation if an operator requested it and nothing prevents it any more."""
    close_old_connections()
    try:
        operator_requests.reopen(
            conversation_uuid=UUID(conversation_uuid), place=reopen_conversation.place
        )
    except operator_requests.Refused as refused:
        logger.warning(
            "reopen_refused", extra={"conversation": conversation_uuid, "why": str(refused)}
        )


@shared_task(base=PointerTask, pointer=PointerForm.ONE_UUID)
def migrate_on_close(conversation_uuid: str) -> None:
    """Merge the messages of a conversation in DynamoDB into its archive.

    It is safe to run at any time: it locks the conversation's row and merges with the archive.
    """
    close_old_connections()
    _archive(UUID(conversation_uuid))


@shared_task(base=PointerTask, pointer=PointerForm.NO_ARGUMENTS, message_group="archiving")
def archive_before_expiry() -> None:
    """Archive messages of long open conversations before DynamoDB deletes them."""
    if _check_archives(in_progress=True) == CHECKS_PAGE:
        archive_before_expiry.apply_async(deduplication_id=str(uuid4()))


@shared_task(base=PointerTask, pointer=PointerForm.NO_ARGUMENTS, message_group="late-archiving")
def archive_late_messages() -> None:
    """Archive messages that were stored after closing, and finish incomplete archives.

    Also delete messages that were stored after their contact was erased.
    """
    if _check_archives(in_progress=False) == CHECKS_PAGE:
        archive_late_messages.apply_async(deduplication_id=str(uuid4()))
    # Last, so that an erasure that fails does not stop the archiving.
    search_again()


def _pointer(claim: Claim) -> Pointer:
    task: FifoTask = reopen_conversation if claim.reopens else close_conversation
    return Pointer(
        task=task,
        arguments=(str(claim.conversation_uuid),),
        message_group=claim.group_id,
        # The same id if the claim is sent again, but a new id for the next claim.
        deduplication_id=f"{claim.conversation_uuid}:{claim.claimed_at.timestamp():.6f}",
    )


def _archive(conversation_uuid: UUID) -> int:
    """Archive a conversation; return how many versions of messages its archive lacked."""
    merged = migrate(conversation_uuid=conversation_uuid, now=now())
    counters.count_archived(merged)
    return merged.own


def _check_archives(*, in_progress: bool) -> int:
    """Archive the messages of one page of conversations. Return the number of conversations.

    A bug with one conversation is reported and does not stop the others. The conversation is
    claimed again when its lease has ended.
    """
    close_old_connections()
    checks = archive_checks.claim(in_progress=in_progress, limit=CHECKS_PAGE, now=now())
    for check in checks:
        try:
            moved = _archive(check.conversation_uuid)
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
