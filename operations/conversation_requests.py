"""Requests to close or reopen a conversation: storing, sending and waiting for them."""

import logging
import time
from uuid import UUID, uuid4

from django.db import transaction

from apps.common.clock import now
from apps.common.errors import Unavailable
from apps.conversations import audit, operator_requests
from apps.conversations.audit_models import AuditAction
from apps.conversations.models import Conversation, Resolution
from tasks.closing import close_due_conversations

# Seconds.
POLL_INTERVAL = 0.2

logger = logging.getLogger(__name__)


def request_close(conversation_uuid: UUID, *, resolution: Resolution) -> None:
    """Store a request to close the conversation. Raise `operator_requests.Refused`."""
    with transaction.atomic():
        operator_requests.request_close(
            conversation_uuid=conversation_uuid, resolution=resolution, now=now()
        )
        _record(AuditAction.CLOSE, conversation_uuid, resolution=resolution.name.lower())
    _log(conversation_uuid, "close")


def request_reopen(conversation_uuid: UUID) -> None:
    """Store a request to reopen the conversation. Raise `operator_requests.Refused`."""
    with transaction.atomic():
        operator_requests.request_reopen(conversation_uuid=conversation_uuid, now=now())
        _record(AuditAction.REOPEN, conversation_uuid)
    _log(conversation_uuid, "reopen")


def send_requests() -> None:
    """Start the task that sends stored requests, without waiting for beat. Raise Unavailable."""
    try:
        close_due_conversations.apply_async(deduplication_id=str(uuid4()))
    except Exception as error:
        logger.warning("tick_not_sent", extra={"error": type(error).__name__})
        raise Unavailable("The queue", type(error).__name__) from error


def wait_until_done(conversation_uuid: UUID, *, seconds: float) -> Conversation | None:
    """Wait until the request is done. Return the conversation, or None after `seconds`."""
    deadline = time.monotonic() + seconds
    conversations = Conversation.objects.select_related("project")
    while (current := conversations.get(uuid=conversation_uuid)).requested_resolution is not None:
        if time.monotonic() >= deadline:
            return None
        time.sleep(POLL_INTERVAL)
    return current


def reopening_was_refused(*, before: Conversation, after: Conversation) -> bool:
    """Return whether a conversation has the same end after the request as before it."""
    return before.resolution != Resolution.IN_PROGRESS and after.ended_at == before.ended_at


def record_reading(conversation_uuid: UUID) -> None:
    """Add an entry to the audit log that the messages of the conversation were read."""
    _record(AuditAction.READ, conversation_uuid)


def _record(action: AuditAction, conversation_uuid: UUID, **detail: str) -> None:
    audit.record(
        actor=audit.command_line(),
        action=action,
        of=Conversation,
        object_id=conversation_uuid,
        **detail,
    )


def _log(conversation_uuid: UUID, action: str) -> None:
    logger.info("change_requested", extra={"conversation": str(conversation_uuid), "for": action})
