"""Erasing contacts: the requests, the tombstones, and the events that must be ignored.

A contact is erased in a whole project, on all channels. Pointers go through all message groups from
which the service has data of the contact. The first one that runs carries out the erasure, and its
place on the queue is the erasure's mark: events of the contact before it have no effect, and later
ones start afresh (ADR 28).
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.crypto import salted_hmac

from apps.common.errors import ConversationServiceError
from apps.conversations import spans
from apps.conversations.erasure_models import Erasure
from apps.conversations.models import Conversation
from apps.conversations.places import place_at, time_of
from apps.conversations.project_models import Project
from apps.conversations.span_models import AttributedEvent, Span
from celery_sqs_fifo.place import Place

# The pointer of a contact of whom the service has no data uses this message group.
GROUP_OF_UNKNOWN_CONTACTS = "erasures"
# Longer than the longest lease and the longest task, so the search also finds what a frozen worker
# wrote late.
SEARCH_AGAIN = timedelta(minutes=15)


class ContactErased(ConversationServiceError):
    """The event was queued before its contact was erased, so it must have no effect."""


@lru_cache(maxsize=10_000)
def contact_hash(*, project_uuid: UUID, urn: str) -> str:
    """Return the hash that identifies an erased contact: HMAC-SHA256 by SECRET_KEY, in hexadecimal.

    The hash of a contact differs between projects. After SECRET_KEY has changed, older tombstones
    no longer match their contacts.
    """
    return _keyed_hash(f"{project_uuid}\n{urn}")


@lru_cache(maxsize=10_000)
def group_hash(group_id: str) -> str:
    """Return the hash of a message group, made in the same way: a group's id names the contact."""
    return _keyed_hash(group_id)


def is_erased(*, project_uuid: UUID, urn: str, place: Place) -> bool:
    """Return whether an event with this place was queued before an erasure of its contact.

    The migration conversations.0015_erasure_searches has the rule. Hold the lock of the contact, or
    an erasure may commit meanwhile.
    """
    return _is_erased(project_uuid, contact_hash(project_uuid=project_uuid, urn=urn), place)


def is_of_erased_group(place: Place) -> bool:
    """Return whether an event with this place was queued before the erasure of its group's contact.

    It decides about an event that names no contact.
    """
    of_group = Erasure.objects.filter(group_hashes__contains=[group_hash(place.group)])
    contacts = of_group.values_list("project_id", "contact_hash").distinct()
    return any(_is_erased(project, hashed, place) for project, hashed in contacts)


def request(*, project_uuid: UUID, urn: str, group_ids: Collection[str], now: datetime) -> Erasure:
    """Request the erasure of a contact, and return it: the earlier request if one is not done yet.

    `group_ids` are the message groups from which the service has data of the contact. Events have
    an effect until a pointer of the erasure runs. Raise Project.DoesNotExist.
    """
    project = Project.objects.get(uuid=project_uuid)
    with transaction.atomic():
        erasure, _ = Erasure.objects.select_for_update(of=("self",)).get_or_create(
            project=project,
            contact_hash=contact_hash(project_uuid=project_uuid, urn=urn),
            erased_at=None,
            defaults={"contact_urn": urn, "requested_at": now},
        )
        groups = {*erasure.group_ids, *group_ids} - {GROUP_OF_UNKNOWN_CONTACTS}
        erasure.group_ids = sorted(groups) or [GROUP_OF_UNKNOWN_CONTACTS]
        erasure.group_hashes = sorted(map(group_hash, groups))
        erasure.requested_at = now
        erasure.save(update_fields=["group_ids", "group_hashes", "requested_at"])
    return erasure


def find(erasure_uuid: UUID) -> Erasure | None:
    """Return the erasure, pending or done, or None if it does not exist."""
    return Erasure.objects.filter(uuid=erasure_uuid).first()


def erasures_done(*, project_uuid: UUID, urn: str) -> list[Erasure]:
    """Return the completed erasures of a contact, the oldest first."""
    hashed = contact_hash(project_uuid=project_uuid, urn=urn)
    of_contact = Erasure.objects.filter(project_id=project_uuid, contact_hash=hashed)
    return list(of_contact.exclude(erased_at=None).order_by("erased_at"))


def group_hashes_of(*, project_uuid: UUID, urn: str) -> set[str]:
    """Return the hashes of the contact's message groups at the times of its erasures."""
    hashed = contact_hash(project_uuid=project_uuid, urn=urn)
    erasures = Erasure.objects.filter(project_id=project_uuid, contact_hash=hashed)
    return {group for groups in erasures.values_list("group_hashes", flat=True) for group in groups}


def conversations_of(*, project_uuid: UUID, urn: str) -> list[UUID]:
    """Return the uuids of all conversations of a contact in a project."""
    found = Conversation.objects.filter(project_id=project_uuid, contact_urn=urn)
    return list(found.values_list("uuid", flat=True))


def groups_of(*, project_uuid: UUID, urn: str) -> set[str]:
    """Return the message groups of the events in a contact's conversations, and of its answers."""
    in_conversations = Span.objects.filter(
        conversation_id__in=conversations_of(project_uuid=project_uuid, urn=urn)
    )
    attributed = _attributed_events(project_uuid, urn)
    return {
        *in_conversations.values_list("group_id", flat=True),
        *attributed.values_list("group_id", flat=True),
    }


def precedes(place: Place, *, mark: Place) -> bool:
    """Return whether an event was queued before the mark of an erasure of its contact.

    The rule is that of `is_erased`: events of other groups in the millisecond of the mark are
    before it.
    """
    if place.group == mark.group:
        return place.sequence_number < mark.sequence_number
    return place.queue_time <= mark.queue_time


def begun_before(mark: Place, *, project_uuid: UUID, urn: str) -> list[UUID]:
    """Return the uuids of the contact's conversations that have events from before a mark."""
    uuids = conversations_of(project_uuid=project_uuid, urn=urn)
    parts = Span.objects.filter(conversation_id__in=uuids)
    return list({one.conversation_id for one in parts if precedes(_beginning_of(one), mark=mark)})


def save_counts(erasure: Erasure, **counts: int) -> None:
    """Save counts of what the erasure is about to remove, unless counts are saved already.

    After a crash, what was removed can no longer be counted. The erasure may run in another group
    at the same time, and may be done meanwhile.
    """
    pending = Erasure.objects.filter(uuid=erasure.uuid, erased_at=None, removed={})
    pending.update(removed=counts)


def lock(erasure: Erasure) -> Erasure | None:
    """Lock the contact of a pending erasure, then the erasure, in a transaction. Return the latter.

    Whatever opens conversations or records answers and deletions of the contact commits first, or
    sees the erasure's mark. Return None if the erasure is not pending any more.
    """
    spans.lock_urn(project_uuid=erasure.project_id, urn=erasure.contact_urn)
    pending = Erasure.objects.select_for_update(of=("self",))
    return pending.filter(uuid=erasure.uuid, erased_at=None).first()


def lock_conversations(conversation_uuids: Collection[UUID]) -> None:
    """Lock conversations, so that what is being archived is committed and erased, too."""
    conversations = Conversation.objects.filter(uuid__in=conversation_uuids)
    list(conversations.select_for_update().order_by("uuid").values_list("uuid"))


def complete(
    erasure: Erasure,
    *,
    conversation_uuids: Collection[UUID],
    mark: Place,
    removed: dict[str, Any],
    now: datetime,
) -> None:
    """Delete the conversations, and reduce the erasure to a tombstone with this mark."""
    # Attributed events that have a conversation are deleted with it.
    _attributed_events(erasure.project_id, erasure.contact_urn).filter(conversation=None).delete()
    _, deleted = Conversation.objects.filter(uuid__in=conversation_uuids).delete()
    conversations = deleted.get(Conversation._meta.label, 0)
    erasure.removed = erasure.removed | removed | {"conversations": conversations}
    erasure.contact_urn = ""
    erasure.group_ids = []
    erasure.erased_at = now
    erasure.mark_at = time_of(mark)
    erasure.mark_sequence = mark.sequence_number
    erasure.mark_group_hash = group_hash(mark.group)
    erasure.conversation_uuids = list(conversation_uuids)
    erasure.search_at = now + SEARCH_AGAIN if conversation_uuids else None
    erasure.save()


@transaction.atomic
def add_letters(erasure_uuid: UUID, *, deleted: int) -> None:
    """Add dead letters to the count of a completed erasure."""
    erasure = Erasure.objects.select_for_update(of=("self",)).get(uuid=erasure_uuid)
    erasure.removed["dead_letters"] += deleted
    erasure.save(update_fields=["removed"])


def due_for_search(*, limit: int, now: datetime) -> list[Erasure]:
    """Return completed erasures whose conversations must be searched once more."""
    due = Erasure.objects.filter(search_at__lte=now).order_by("search_at")
    return list(due[:limit])


def complete_search(erasure: Erasure) -> None:
    """Note that an erasure's conversations were searched; forget which they were."""
    erasure.conversation_uuids = []
    erasure.search_at = None
    erasure.save(update_fields=["conversation_uuids", "search_at"])


def _beginning_of(span: Span) -> Place:
    """Return the place of the first event of a span, or of another group's events in it."""
    return place_at(
        queue_time=min(span.starts_at, span.opened_at),
        sequence_number=int(span.first_sequence),
        group=span.group_id,
    )


def _is_erased(project_uuid: UUID, hashed: str, place: Place) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conversations_is_erased_v1(%s, %s, %s, %s, %s)",
            [project_uuid, hashed, time_of(place), place.sequence_number, group_hash(place.group)],
        )
        return bool(cursor.fetchone()[0])


def _attributed_events(project_uuid: UUID, urn: str) -> QuerySet[AttributedEvent]:
    return AttributedEvent.objects.filter(project_id=project_uuid, contact_urn=urn)


def _keyed_hash(value: str) -> str:
    return salted_hmac("apps.conversations.erasing", value, algorithm="sha256").hexdigest()
