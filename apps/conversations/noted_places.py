"""The places that are stored in a conversation's row. One that is not stored is None."""

from datetime import datetime
from decimal import Decimal

from apps.conversations.models import Conversation
from apps.conversations.places import place_at
from celery_sqs_fifo.place import Place


def written(conversation: Conversation) -> Place | None:
    """Return the place of the earliest message from the contact."""
    return _noted(
        conversation.written_at, conversation.written_sequence, conversation.written_group
    )


def window(conversation: Conversation) -> Place | None:
    """Return the place of the newest window that was applied."""
    return _noted(conversation.window_at, conversation.window_sequence, conversation.window_group)


def newest_archived(conversation: Conversation) -> Place | None:
    """Return the place of the newest archived message of the conversation's own group."""
    return _noted(conversation.newest_at, conversation.newest_sequence, conversation.group_id)


def _noted(at: datetime | None, sequence: Decimal | None, group: str) -> Place | None:
    if at is None or sequence is None:
        return None
    return place_at(queue_time=at, sequence_number=int(sequence), group=group)
