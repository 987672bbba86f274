"""The state of an event that its steps share."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from apps.messages.events import AnyEvent
from celery_sqs_fifo import BatchItem

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Progress:
    """The state of an event that its steps share.

    `conversation_uuid` is the conversation of its message, answer or window, and `home` the group
    of that conversation. `has_opened` is true if the event opened it, in this run or an earlier
    one. `is_foreign` is true if the event came in another group. `to_migrate` are the closed
    conversations whose messages must be archived. `is_erased` is true for an answer that was queued
    before its contact was erased. `has_new_answer` is true if no earlier run recorded its answer.
    """

    event: AnyEvent
    conversation_uuid: UUID | None = None
    home: str = ""
    has_opened: bool = False
    is_foreign: bool = False
    to_migrate: Sequence[UUID] = ()
    is_erased: bool = False
    has_new_answer: bool = False

    @property
    def event_type(self) -> str:
        """Return the event's `event_type`."""
        return self.event.event_type

    @property
    def subject_uuid(self) -> UUID | None:
        """Return the conversation that the event is about, or None if it is not known yet."""
        only_closed = self.to_migrate[0] if len(self.to_migrate) == 1 else None
        return self.conversation_uuid or only_closed


def log_dropped_event(item: BatchItem) -> None:
    """Log that an event had no effect because its contact is erased."""
    logger.info("erased_contact_event_dropped", extra={"message_id": item.event.message_id})
