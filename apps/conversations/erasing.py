"""Erasing contacts: the requests, the data of a contact, and the events that must be ignored.

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

# The erasure of a contact without conversations uses this message group.
GROUP_OF_CONTACTS_WITHOUT_CONVERSATIONS = "erasures"


class ContactErased(ConversationServiceError):
    """The event was queued before its contact was erased, so it must have no effect."""


@lru_cache(maxsize=10_000)
def contact_hash(*, project_uuid: UUID, urn: str) -> str:
    """Return the hash that identifies an erased contact: HMAC-SHA256 by SECRET_KEY, in hexadecimal.

    The hash of a contact differs between projects. After SECRET_KEY has changed, older tombstones
    no longer match their contacts.
    """
    value = f"{project_uuid}\n{urn}"
    return salted_hmac("apps.conversations.erasing", value, algorithm="sha256").hexdigest()


def is_erased(*, project_uuid: UUID, urn: str, sent_at: datetime) -> bool:
    """Return whether an event first queued at `sent_at` precedes an erasure of its contact."""
    return Erasure.objects.filter(
        project_id=project_uuid,
        contact_hash=contact_hash(project_uuid=project_uuid, urn=urn),
        requested_at__gte=sent_at,
    ).exists()


def request(*, project_uuid: UUID, urn: str, now: datetime) -> list[Erasure]:
    """Request the erasure of a contact, and return its pending erasures, one for each group.

    They include earlier requests that are not done yet. After the commit, events that were queued
    up to `now` have no effect. Raise Project.DoesNotExist.
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


def get_pending(erasure_uuid: UUID) -> Erasure | None:
    """Return the erasure if it is pending; None if it is done or does not exist."""
    return Erasure.objects.filter(uuid=erasure_uuid, erased_at=None).first()


def erasures_done(*, project_uuid: UUID, urn: str) -> list[Erasure]:
    """Return the completed erasures of a contact, the oldest first."""
    hashed = contact_hash(project_uuid=project_uuid, urn=urn)
    of_contact = Erasure.objects.filter(project_id=project_uuid, contact_hash=hashed)
    return list(of_contact.exclude(erased_at=None).order_by("erased_at"))


def conversations_of_contact(*, project_uuid: UUID, urn: str) -> list[UUID]:
    """Return the uuids of all conversations of a contact in a project."""
    return [uuid for uuid, _ in _conversations(project_uuid, urn)]


def conversations_of(erasure: Erasure) -> list[UUID]:
    """Return the uuids of the contact's conversations in the group of a pending erasure."""
    conversations = _conversations(erasure.project_id, erasure.contact_urn)
    return [uuid for uuid, group_id in conversations if group_id == erasure.group_id]


def save_counts(erasure: Erasure, **counts: int) -> None:
    """Save counts of what the erasure is about to remove, except those already saved.

    After a crash, what was removed can no longer be counted.
    """
    erasure.removed = counts | erasure.removed
    erasure.save(update_fields=["removed"])


def lock(erasure_uuid: UUID, *, conversation_uuids: Collection[UUID]) -> Erasure | None:
    """Lock and return a pending erasure, and lock these conversations, in a transaction.

    Transactions that are archiving or recording answers finish first, so that the erasure also
    covers their rows. Return None if the erasure is no longer pending.
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
    """Delete the conversations, and reduce the erasure to a tombstone."""
    _, deleted = Conversation.objects.filter(uuid__in=conversation_uuids).delete()
    conversations = deleted.get(Conversation._meta.label, 0)
    erasure.removed = erasure.removed | removed | {"conversations": conversations}
    erasure.contact_urn = ""
    erasure.group_id = ""
    erasure.erased_at = now
    erasure.save()


def _conversations(project_uuid: UUID, urn: str) -> QuerySet[Conversation, tuple[UUID, str]]:
    """Return the contact's conversations with their groups.

    Two partial indexes begin with the project, one of open and one of closed conversations, so the
    query is the union of two.
    """
    of_contact = Conversation.objects.filter(project_id=project_uuid, contact_urn=urn)
    in_progress = of_contact.filter(resolution=Resolution.IN_PROGRESS)
    closed = of_contact.exclude(resolution=Resolution.IN_PROGRESS)
    names = ("uuid", "group_id")
    return in_progress.values_list(*names).union(closed.values_list(*names), all=True)
