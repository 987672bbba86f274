"""Deleting archives that are older than their project keeps them.

The conversations stay, with their scores, and with the times of their first and last message: what
comes late is still attributed to them. It is archived, and deleted with the next run.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet, Sum

from apps.conversations.models import CLOSED, Conversation, Project
from apps.messages.models import ConversationMessages

BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Archives:
    """So many conversations have so many messages in their archives."""

    conversations: int
    messages: int


def find_expired(*, project: Project, now: datetime) -> Archives:
    """The archives of conversations that closed longer ago than their project keeps them."""
    parts = ConversationMessages.objects.filter(conversation__in=_expired(project, now))
    return _sum(parts)


def delete_expired(*, project: Project, now: datetime) -> Archives:
    """Delete them in batches; gives what was deleted.

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
    uuids = list(in_order.values_list("uuid", flat=True)[:BATCH])
    parts = ConversationMessages.objects.filter(conversation_id__in=uuids)
    archives = _sum(parts)
    parts.delete()
    Conversation.objects.filter(uuid__in=uuids).update(message_count=0)
    return uuids, archives


def _expired(project: Project, now: datetime) -> QuerySet[Conversation]:
    """None of a project that keeps its archives for ever."""
    if project.archive_retention is None:
        return Conversation.objects.none()
    return Conversation.objects.filter(
        Exists(ConversationMessages.objects.filter(conversation=OuterRef("pk"))),
        project=project,
        resolution__in=CLOSED,
        ended_at__lte=now - project.archive_retention,
    )


def _sum(parts: QuerySet[ConversationMessages]) -> Archives:
    totals = parts.aggregate(
        conversations=Count("conversation", distinct=True), messages=Sum("message_count")
    )
    return Archives(conversations=totals["conversations"], messages=totals["messages"] or 0)
