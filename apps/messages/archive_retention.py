"""Deleting archives that are older than their project's retention.

The conversations stay, with their scores and the times of their first and last message. Those whose
archives are gone are marked by `archive_deleted_at`, which takes them out of the index that this
module reads, so that no run reads them again. A late message is still attributed to its
conversation; archiving it removes the mark, and the next run deletes it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import Coalesce

from apps.common.expiry import lock_rows
from apps.conversations.models import CLOSED, Conversation, EarlierClosing
from apps.conversations.project_models import Project
from apps.messages import store
from apps.messages.archive_parts import merged_places
from apps.messages.models import ConversationMessages

CONVERSATIONS_PER_TRANSACTION = 500
# The expression of the index `archives_by_age`.
_KEPT_SINCE = Coalesce("archive_deleted_at", "ended_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Archives:
    """The number of conversations that have archives, and of the messages in them."""

    conversations: int
    messages: int

    def __add__(self, other: "Archives") -> "Archives":
        return Archives(
            conversations=self.conversations + other.conversations,
            messages=self.messages + other.messages,
        )


NONE = Archives(conversations=0, messages=0)


class DeletedPage(NamedTuple):
    """How many conversations a page marked, with or without an archive, and what it deleted."""

    conversations: int
    archives: Archives


def projects_with_retention() -> QuerySet[Project]:
    """Return the projects that have an archive retention, in a fixed order."""
    return Project.objects.exclude(archive_retention=None).order_by("uuid")


def find_expired(*, project: Project, now: datetime) -> Archives:
    """Return the counts of archives that are older than the project's retention.

    The age of an archive is the time since its conversation ended.
    """
    parts = ConversationMessages.objects.filter(conversation__in=_expired(project, now))
    return _count(parts)


def delete_page(*, project: Project, now: datetime) -> DeletedPage:
    """Delete the archives of up to 500 of these conversations, oldest first.

    The copies in DynamoDB of what is in the archives are deleted first, before any row is locked.
    What is not archived stays there, for example messages of a conversation that was reopened
    meanwhile. A conversation that is being archived at this moment is left to a later run. Raise
    Unavailable.
    """
    expired = _expired(project, now).order_by(_KEPT_SINCE)
    page = list(expired.values_list("pk", flat=True)[:CONVERSATIONS_PER_TRANSACTION])
    parts = ConversationMessages.objects.filter(conversation__in=page)
    for uuid in parts.order_by().values_list("conversation", flat=True).distinct():
        # Copies may be much younger than the conversation: a redriven message may be written years
        # later.
        store.delete_messages(uuid, keys=merged_places(uuid))
    return _delete_archives(project=project, now=now, page=page)


@transaction.atomic
def _delete_archives(*, project: Project, now: datetime, page: list[UUID]) -> DeletedPage:
    uuids = lock_rows(_expired(project, now).filter(pk__in=page))
    parts = ConversationMessages.objects.filter(conversation_id__in=uuids)
    archives = _count(parts)
    parts.delete()
    no_messages = {"message_count": 0, "messages_before_reopening": 0}
    EarlierClosing.objects.filter(conversation_id__in=uuids).update(**no_messages)
    Conversation.objects.filter(uuid__in=uuids).update(**no_messages, archive_deleted_at=now)
    return DeletedPage(len(uuids), archives)


def _expired(project: Project, now: datetime) -> QuerySet[Conversation]:
    """Return the closed conversations beyond retention that are not marked; none if unlimited."""
    if project.archive_retention is None:
        return Conversation.objects.none()
    kept = Conversation.objects.filter(
        project=project, resolution__in=CLOSED, ended_at__isnull=False, archive_deleted_at=None
    )
    return kept.alias(kept_since=_KEPT_SINCE).filter(
        kept_since__lte=now - project.archive_retention
    )


def _count(parts: QuerySet[ConversationMessages]) -> Archives:
    totals = parts.aggregate(
        conversations=Count("conversation", distinct=True), messages=Sum("message_count")
    )
    return Archives(conversations=totals["conversations"], messages=totals["messages"] or 0)
