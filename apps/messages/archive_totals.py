"""The row of a conversation while messages are merged into its archive: its lock and its totals."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from uuid import UUID

from apps.common.compiled_queries import CompiledQuery, Parameter
from apps.conversations import noted_places
from apps.conversations.models import Conversation
from apps.conversations.places import as_datetime, time_of
from apps.messages.archive_parts import Totals
from apps.messages.entries import is_foreign, parse_place, queue_time_of
from apps.messages.event_types import MESSAGE_SENT
from apps.messages.versions import Encoded

_FIELDS = (
    "first_message_at",
    "last_message_at",
    "first_sent_at",
    "message_count",
    "newest_at",
    "newest_sequence",
    "archive_deleted_at",
)
_LOCKED = CompiledQuery(
    lambda: (
        Conversation.objects.filter(uuid=Parameter("uuid"))
        .only("group_id", *_FIELDS)
        .select_for_update()
    )
)


def lock(conversation_uuid: UUID) -> Conversation:
    """Lock a conversation, and return it with its group and its totals.

    Raise Conversation.DoesNotExist.
    """
    conversation = _LOCKED.first(uuid=conversation_uuid)
    if conversation is None:
        raise Conversation.DoesNotExist
    return conversation


def update(conversation: Conversation, totals: Totals, new: Mapping[str, Encoded]) -> None:
    """Update the totals of a locked conversation, into whose archive these versions were merged."""
    # Repeats count here too, so that the order of merging makes no difference.
    times = sorted(map(queue_time_of, new))
    sent = sorted(
        queue_time_of(key)
        for key, version in new.items()
        if version.document["event_type"] == MESSAGE_SENT
    )
    # Keys of the conversation's own group sort by sequence number.
    own = max((key for key in new if not is_foreign(key)), default=None)
    places = [parse_place(own, home=conversation.group_id)] if own else []
    archived = noted_places.newest_archived(conversation)
    newest = max([*places, *([archived] if archived else [])], default=None)
    # The conversation keeps the times of messages that retention has deleted.
    changes = {
        "first_message_at": _ignoring_none(
            min, conversation.first_message_at, totals.first_at, *map(as_datetime, times[:1])
        ),
        "last_message_at": _ignoring_none(
            max, conversation.last_message_at, totals.last_at, *map(as_datetime, times[-1:])
        ),
        "first_sent_at": _ignoring_none(
            min, conversation.first_sent_at, *map(as_datetime, sent[:1])
        ),
        "message_count": totals.messages,
        "newest_at": time_of(newest) if newest else None,
        "newest_sequence": newest.sequence_number if newest else None,
        "archive_deleted_at": None if totals.messages else conversation.archive_deleted_at,
    }
    if any(getattr(conversation, name) != value for name, value in changes.items()):
        Conversation.objects.filter(pk=conversation.pk).update(**changes)


def _ignoring_none(
    choose: Callable[[Iterable[datetime]], datetime], *moments: datetime | None
) -> datetime | None:
    present = [moment for moment in moments if moment]
    return choose(present) if present else None
