"""Erasing contacts: who is to be erased, what is theirs, and which of their events come too late.

A contact is erased in a whole project, on all channels.
"""

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.crypto import salted_hmac

from apps.common.errors import ConversationServiceError
from apps.conversations.models import Conversation, Erasure, Project, Resolution

# Of a contact who has no conversation, and so no group to be erased in.
GROUP_OF_CONTACTS_WITHOUT_CONVERSATIONS = "erasures"


class ContactErased(ConversationServiceError):
    """The event was queued before its contact was erased: it must have no effect."""


@lru_cache(maxsize=10_000)
def contact_hash(*, project_uuid: UUID, urn: str) -> str:
    """What stands for an erased contact: HMAC-SHA256 by the SECRET_KEY, in hexadecimal.

    Another one in each project. After the key has changed, older tombstones match nobody.
    """
    value = f"{project_uuid}\n{urn}"
    return salted_hmac("apps.conversations.erasing", value, algorithm="sha256").hexdigest()


def is_erased(*, project_uuid: UUID, urn: str, sent_at: datetime) -> bool:
    """Whether an event that was first queued at `sent_at` is one of an erased contact."""
    return Erasure.objects.filter(
        project_id=project_uuid,
        contact_hash=contact_hash(project_uuid=project_uuid, urn=urn),
        requested_at__gte=sent_at,
    ).exists()


def request(*, project_uuid: UUID, urn: str, now: datetime) -> list[Erasure]:
    """Have a contact erased: gives what is to be done, one erasure for each group.

    Those that were asked for before and never done are among them. From the commit on, events that
    were queued up to `now` have no effect. Raises Project.DoesNotExist.
    """
    project = Project.objects.get(uuid=project_uuid)
    hashed = contact_hash(project_uuid=project_uuid, urn=urn)
    pending = Erasure.objects.filter(project=project, contact_hash=hashed, erased_at=None)
    with transaction.atomic():
        groups = {group_id for _, group_id in _conversations(project_uuid, urn)}
        if not groups and not pending.exists():
            groups = {GROUP_OF_CONTACTS_WITHOUT_CONVERSATIONS}
        erasures = [
            Erasure(
                project=project,
                contact_hash=hashed,
                contact_urn=urn,
                group_id=group_id,
                requested_at=now,
            )
            for group_id in sorted(groups)
        ]
        Erasure.objects.bulk_create(erasures, ignore_conflicts=True)
        pending.update(requested_at=now)
        return list(pending.order_by("group_id"))


def pending(erasure_uuid: UUID) -> Erasure | None:
    """The erasure, unless it is done or nobody asked for it."""
    return Erasure.objects.filter(uuid=erasure_uuid, erased_at=None).first()


def erasures_done(*, project_uuid: UUID, urn: str) -> list[Erasure]:
    """All erasures of a contact that are done, the first one first."""
    hashed = contact_hash(project_uuid=project_uuid, urn=urn)
    of_contact = Erasure.objects.filter(project_id=project_uuid, contact_hash=hashed)
    return list(of_contact.exclude(erased_at=None).order_by("erased_at"))


def conversations_of_contact(*, project_uuid: UUID, urn: str) -> list[UUID]:
    """All conversations of a contact in a project."""
    return [uuid for uuid, _ in _conversations(project_uuid, urn)]


def conversations_of(erasure: Erasure) -> list[UUID]:
    """The contact's conversations of the group of a pending erasure."""
    conversations = _conversations(erasure.project_id, erasure.contact_urn)
    return [uuid for uuid, group_id in conversations if group_id == erasure.group_id]


def note(erasure: Erasure, **counts: int) -> None:
    """Keep what was counted before it is removed: once that is gone it cannot be counted again."""
    erasure.removed = counts | erasure.removed
    erasure.save(update_fields=["removed"])


def locked(erasure_uuid: UUID, *, conversation_uuids: Collection[UUID]) -> Erasure | None:
    """Lock an erasure that is still to be done, and these conversations, in a transaction.

    What is being archived or answered at this moment is waited for, and is erased with the rest.
    """
    erasures = Erasure.objects.select_for_update(of=("self",))
    erasure = erasures.filter(uuid=erasure_uuid, erased_at=None).first()
    conversations = Conversation.objects.filter(uuid__in=conversation_uuids)
    list(conversations.select_for_update().order_by("uuid").values_list("uuid"))
    return erasure


def complete(
    erasure: Erasure,
    *,
    conversation_uuids: Collection[UUID],
    removed: dict[str, Any],
    now: datetime,
) -> None:
    """Delete the conversations, and leave of the erasure only the tombstone."""
    _, deleted = Conversation.objects.filter(uuid__in=conversation_uuids).delete()
    conversations = deleted.get(Conversation._meta.label, 0)
    erasure.removed = erasure.removed | removed | {"conversations": conversations}
    erasure.contact_urn = ""
    erasure.group_id = ""
    erasure.erased_at = now
    erasure.save()


def _conversations(project_uuid: UUID, urn: str) -> QuerySet[Conversation, tuple[UUID, str]]:
    """In two queries, because each of the indexes that begin with the project has one half."""
    of_contact = Conversation.objects.filter(project_id=project_uuid, contact_urn=urn)
    in_progress = of_contact.filter(resolution=Resolution.IN_PROGRESS)
    closed = of_contact.exclude(resolution=Resolution.IN_PROGRESS)
    names = ("uuid", "group_id")
    return in_progress.values_list(*names).union(closed.values_list(*names), all=True)
