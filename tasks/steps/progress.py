"""What the steps of one event hand on."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from apps.messages.events import AnyEvent
from celery_sqs_fifo import BatchItem

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Progress:
    """What the steps of one event hand on.

    `conversation_uuid` is where its message goes or what its window updates, `to_migrate` the
    closed conversations whose messages have to move into the archive, `answered` the conversation
    of its survey answer.
    """

    event: AnyEvent
    conversation_uuid: UUID | None = None
    to_migrate: Sequence[UUID] = ()
    answered: UUID | None = None

    @property
    def event_type(self) -> str:
        """The `event_type` of its JSON."""
        return self.event.event_type

    @property
    def about(self) -> UUID | None:
        """The conversation that the event is about, once that is known."""
        only_closed = self.to_migrate[0] if len(self.to_migrate) == 1 else None
        return self.conversation_uuid or self.answered or only_closed


def log_erased(item: BatchItem) -> None:
    """Log that an event had no effect because its contact was erased."""
    logger.info("erased_contact_event_dropped", extra={"message_id": item.event.message_id})
