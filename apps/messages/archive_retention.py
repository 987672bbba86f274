"""Deleting archives that are older than their project's retention.

The conversations stay, with their scores and the times of their first and last message. A late
message is still attributed to its conversation; it is archived, and the next run deletes it.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet, Sum

from apps.conversations.models import CLOSED, Conversation, Project
from apps.messages.models import ConversationMessages

CONVERSATIONS_PER_TRANSACTION = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Archives:
    """The number of conversations that have archives, and of the messages in them."""

    conversations: int
    messages: int


def find_expired(*, project: Project, now: datetime) -> Archives:
    """Count the archives of conversations that closed longer ago than the project's retention."""
    parts = ConversationMessages.objects.filter(conversation__in=_expired(project, now))
    return _count(parts)


def delete_expired(*, project: Project, now: datetime) -> Archives:
    """Delete the archives that `find_expired` counts; return what was deleted.

    A transaction deletes the archives of at most 500 conversations.

    A conversation that is being archived at this moment is left to the next run.
    """
    conversations = messages = 0
    after = UUID(int=0)
    while True:
        uuids, archives = _delete_batch(project=project, now=now, after=after)
        if not uuids:
            return Archives(conversations=conversations, messages=messages)
        conversations += archives.conversations
        messages += archives.messages
        after = uuids[-1]


@transaction.atomic
def _delete_batch(*, project: Project, now: datetime, after: UUID) -> tuple[list[UUID], Archives]:
    locked = _expired(project, now).select_for_update(skip_locked=True, of=("self",))
    in_order = locked.filter(uuid__gt=after).order_by("uuid")
    uuids = list(in_order.values_list("uuid", flat=True)[:CONVERSATIONS_PER_TRANSACTION])
    parts = ConversationMessages.objects.filter(conversation_id__in=uuids)
    archives = _count(parts)
    parts.delete()
    Conversation.objects.filter(uuid__in=uuids).update(message_count=0)
    return uuids, archives


def _expired(project: Project, now: datetime) -> QuerySet[Conversation]:
    """Return the closed conversations with archives beyond retention; none if it is unlimited."""
    if project.archive_retention is None:
        return Conversation.objects.none()
    return Conversation.objects.filter(
        Exists(ConversationMessages.objects.filter(conversation=OuterRef("pk"))),
        project=project,
        resolution__in=CLOSED,
        ended_at__lte=now - project.archive_retention,
    )


def _count(parts: QuerySet[ConversationMessages]) -> Archives:
    totals = parts.aggregate(
        conversations=Count("conversation", distinct=True), messages=Sum("message_count")
    )
    return Archives(conversations=totals["conversations"], messages=totals["messages"] or 0)
