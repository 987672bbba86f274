"""Messages that their authors deleted: the record of the deletions, in PostgreSQL.

A deletion belongs to one conversation of its contact. That is the first of these which has the
message: the conversation at the deletion's place on the queue, the latest that opened before it and
did not end more than 48 hours before it, the first that opened within 24 hours after it. It is
decided once. Until one has the message, the deletion waits for up to 15 days, so that it also
deletes a message that arrives later.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.conversations import spans
from apps.conversations.contacts import Contact
from apps.conversations.erasing import ContactErased, is_erased
from apps.conversations.models import CLOSED, Conversation, Resolution
from apps.conversations.places import place_at, time_of
from apps.conversations.selectors import contact_of, of_contact
from apps.messages.models import MessageDeletion
from apps.messages.versions import Document, deletion
from celery_sqs_fifo.place import Place

# How much later than its deletion a message may open its conversation.
MAX_LEAD = timedelta(hours=24)
# How long after the end of a conversation its messages can be deleted. Message ids begin anew with
# each session on some platforms, so an older message with the same id is probably a different one
# (ADR 26).
MAX_AGE = timedelta(hours=48)
# How long a deletion waits: longer than SQS redelivers an event (14 days).
MAX_WAIT = timedelta(days=15)


@transaction.atomic
def record(*, contact: Contact, identity: str, place: Place, now: datetime) -> MessageDeletion:
    """Record a deletion, unless an earlier run has recorded it; return the record.

    Raise ContactErased if the event was queued before its contact was erased.
    """
    spans.lock_contact(contact)
    if is_erased(project_uuid=contact.project_uuid, urn=contact.urn, place=place):
        raise ContactErased
    recorded, _ = MessageDeletion.objects.get_or_create(
        project_uuid=contact.project_uuid,
        channel_uuid=contact.channel_uuid,
        contact_urn=contact.urn,
        group_id=place.group,
        sequence_number=place.sequence_number,
        defaults={"identity": identity, "queue_time": time_of(place), "recorded_at": now},
    )
    return recorded


def waiting(contact: Contact, *, now: datetime) -> QuerySet[MessageDeletion]:
    """Return the deletions of a contact whose messages have not been found, the oldest first."""
    return (
        _of_contact(contact)
        .filter(conversation=None, recorded_at__gt=now - MAX_WAIT)
        .order_by("queue_time", "id")
    )


def waited_since(before: datetime) -> QuerySet[MessageDeletion]:
    """Return the deletions that were recorded before a time and have found no message."""
    return MessageDeletion.objects.filter(conversation=None, recorded_at__lte=before)


def of_conversation(conversation: Conversation) -> list[Document]:
    """Return the deletions that belong to a conversation."""
    return [document(one, home=conversation.group_id) for one in conversation.deletions.all()]


def shown_in(conversation: Conversation) -> list[Document]:
    """Return the deletions that apply to messages of a conversation, archived or not."""
    may_follow = [
        document(one, home=conversation.group_id)
        for one in _of_contact(contact_of(conversation)).filter(conversation=None)
        if conversation.opened_at <= one.queue_time + MAX_LEAD
        and (conversation.ended_at is None or conversation.ended_at >= one.queue_time - MAX_AGE)
    ]
    return [*of_conversation(conversation), *may_follow]


def document(recorded: MessageDeletion, *, home: str) -> Document:
    """Return a deletion in the form that is merged with its message."""
    return deletion(recorded.identity, place=_place(recorded), home=home)


def unarchived(contact: Contact, recorded: Sequence[MessageDeletion]) -> set[UUID]:
    """Return the conversations that may have messages of these deletions only in DynamoDB."""
    at_their_places = {
        span.conversation_id for one in recorded if (span := spans.at(contact, _place(one)))
    }
    not_archived = Q(resolution=Resolution.IN_PROGRESS) | Q(resolution__in=CLOSED, archived_at=None)
    found = of_contact(contact).filter(not_archived).values_list("uuid", flat=True)
    return at_their_places | set(found)


def find_conversation(recorded: MessageDeletion) -> Conversation | None:
    """Return the conversation whose archive has the message of a deletion, or None."""
    return next((found for one in _candidates(recorded) if (found := one.first())), None)


def of_urn(*, project_uuid: UUID, urn: str) -> QuerySet[MessageDeletion]:
    """Return the records of a contact's deletions, on all channels."""
    return MessageDeletion.objects.filter(project_uuid=project_uuid, contact_urn=urn)


def delete_before(place: Place, *, project_uuid: UUID, urn: str) -> None:
    """Delete the records of an erased contact's deletions that were queued before a place."""
    recorded = of_urn(project_uuid=project_uuid, urn=urn)
    before = [one.pk for one in recorded if _place(one) < place]
    recorded.filter(pk__in=before).delete()


def _candidates(recorded: MessageDeletion) -> Iterator[QuerySet[Conversation]]:
    """Yield the conversations that have the message, in the order of the rule above."""
    contact = Contact(
        project_uuid=recorded.project_uuid,
        channel_uuid=recorded.channel_uuid,
        urn=recorded.contact_urn,
    )
    having = of_contact(contact).filter(archive_parts__message_ids__contains=[recorded.identity])
    span = spans.at(contact, _place(recorded))
    if span:
        yield having.filter(uuid=span.conversation_id)
    at = recorded.queue_time
    recent = Q(ended_at=None) | Q(ended_at__gte=at - MAX_AGE)
    yield having.filter(recent, opened_at__lte=at).order_by("-opened_at", "uuid")
    yield having.filter(opened_at__gt=at, opened_at__lte=at + MAX_LEAD).order_by(
        "opened_at", "uuid"
    )


def _of_contact(contact: Contact) -> QuerySet[MessageDeletion]:
    return MessageDeletion.objects.filter(
        project_uuid=contact.project_uuid,
        channel_uuid=contact.channel_uuid,
        contact_urn=contact.urn,
    )


def _place(recorded: MessageDeletion) -> Place:
    return place_at(
        queue_time=recorded.queue_time,
        sequence_number=int(recorded.sequence_number),
        group=recorded.group_id,
    )
