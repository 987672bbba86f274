"""Messages that their authors deleted: the record of the deletions, in PostgreSQL.

A deletion belongs to one conversation of its contact. That is the first of these which has the
message: the conversation at the deletion's place on the queue, the latest that opened before it and
did not end more than 48 hours before it, the first that opened within 24 hours after it. A text
that answers a survey may join its conversation after the end, so the 48 hours begin with the last
message if that is later. It is decided once. Until one has the message, the deletion waits for up
to 15 days, so that it also deletes a message that arrives later.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.common.compiled_queries import CompiledQuery, Parameter
from apps.conversations import spans
from apps.conversations.contacts import OF_CONTACT, Contact
from apps.conversations.erasing import ContactErased, is_erased, precedes
from apps.conversations.models import CLOSED, Conversation, Resolution
from apps.conversations.places import place_at, time_of
from apps.conversations.selectors import contact_of
from apps.messages.models import MessageDeletion
from apps.messages.versions import Document, deletion
from celery_sqs_fifo.place import Place

# How much later than its deletion a message may open its conversation.
MAX_LEAD = timedelta(hours=24)
# How long after the end of a conversation, or its last message, its messages can be deleted.
# Message ids begin anew with each session on some platforms, so an older message with the same id
# is probably a different one (ADR 26).
MAX_AGE = timedelta(hours=48)
# How long a deletion waits: longer than SQS redelivers an event (14 days).
MAX_WAIT = timedelta(days=15)

_OF_CONVERSATION = CompiledQuery(
    lambda: MessageDeletion.objects.filter(conversation_id=Parameter("conversation"))
)
_UNDECIDED = CompiledQuery(
    lambda: MessageDeletion.objects.filter(
        project_uuid=Parameter("project"),
        channel_uuid=Parameter("channel"),
        contact_urn=Parameter("urn"),
        conversation=None,
    ).order_by("queue_time", "id")
)
_NOT_ARCHIVED = CompiledQuery(
    lambda: Conversation.objects.filter(
        Q(resolution=Resolution.IN_PROGRESS) | Q(resolution__in=CLOSED, archived_at=None),
        **OF_CONTACT,
    ).values_list("uuid")
)
_HAVING_AT = CompiledQuery(lambda: _having().filter(uuid=Parameter("conversation"))[:1])
_HAVING_BEFORE = CompiledQuery(
    lambda: (
        _having()
        .filter(
            Q(ended_at=None)
            | Q(ended_at__gte=Parameter("since"))
            | Q(last_message_at__gte=Parameter("since")),
            opened_at__lte=Parameter("at"),
        )
        .order_by("-opened_at", "uuid")[:1]
    )
)
_HAVING_AFTER = CompiledQuery(
    lambda: (
        _having()
        .filter(opened_at__gt=Parameter("at"), opened_at__lte=Parameter("until"))
        .order_by("opened_at", "uuid")[:1]
    )
)


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


def waiting(contact: Contact, *, now: datetime) -> list[MessageDeletion]:
    """Return the deletions of a contact whose messages have not been found, the oldest first."""
    undecided = _UNDECIDED.all(**contact.parameters)
    return [one for one in undecided if one.recorded_at > now - MAX_WAIT]


def waiting_for(contact: Contact, *, identity: str, now: datetime) -> list[MessageDeletion]:
    """Return the deletions of a contact that wait for a message, the oldest first."""
    return [one for one in waiting(contact, now=now) if one.identity == identity]


def waited_since(before: datetime) -> QuerySet[MessageDeletion]:
    """Return the deletions that were recorded before a time and have found no message."""
    return MessageDeletion.objects.filter(conversation=None, recorded_at__lte=before)


def of_conversation(conversation: Conversation) -> list[Document]:
    """Return the deletions that belong to a conversation."""
    of_conversation = _OF_CONVERSATION.all(conversation=conversation.uuid)
    return [document(one, home=conversation.group_id) for one in of_conversation]


def shown_in(conversation: Conversation) -> list[Document]:
    """Return the deletions that apply to messages of a conversation, archived or not."""
    may_follow = [
        document(one, home=conversation.group_id)
        for one in _UNDECIDED.all(**contact_of(conversation).parameters)
        if _may_have_the_message(conversation, one)
    ]
    return [*of_conversation(conversation), *may_follow]


def period_of(queue_time: datetime) -> tuple[datetime, datetime]:
    """Return the earliest and the latest time of what a deletion at this time can delete."""
    return queue_time - MAX_AGE, queue_time + MAX_LEAD


def document(recorded: MessageDeletion, *, home: str) -> Document:
    """Return a deletion in the form that is merged with its message."""
    return deletion(recorded.identity, place=_place(recorded), home=home)


def unarchived(contact: Contact, recorded: Sequence[MessageDeletion]) -> set[UUID]:
    """Return the conversations that may have messages of these deletions only in DynamoDB."""
    at_their_places = {
        span.conversation_id for one in recorded if (span := spans.at(contact, _place(one)))
    }
    return at_their_places | {uuid for (uuid,) in _NOT_ARCHIVED.rows(**contact.parameters)}


def find_conversation(recorded: MessageDeletion) -> Conversation | None:
    """Return the conversation whose archive has the message of a deletion, or None."""
    return next(filter(None, _candidates(recorded)), None)


def of_urn(*, project_uuid: UUID, urn: str) -> QuerySet[MessageDeletion]:
    """Return the records of a contact's deletions, on all channels."""
    return MessageDeletion.objects.filter(project_uuid=project_uuid, contact_urn=urn)


def delete_before(mark: Place, *, project_uuid: UUID, urn: str) -> None:
    """Delete the records of an erased contact's deletions that were queued before a mark."""
    recorded = of_urn(project_uuid=project_uuid, urn=urn)
    before = [one.pk for one in recorded if precedes(_place(one), mark=mark)]
    recorded.filter(pk__in=before).delete()


def _may_have_the_message(conversation: Conversation, recorded: MessageDeletion) -> bool:
    since, until = period_of(recorded.queue_time)
    last = (conversation.ended_at, conversation.last_message_at)
    is_old = conversation.ended_at and max(filter(None, last)) < since
    return conversation.opened_at <= until and not is_old


def _candidates(recorded: MessageDeletion) -> Iterator[Conversation | None]:
    """Yield the conversations that have the message, or None, in the order of the rule above."""
    contact = Contact(
        project_uuid=recorded.project_uuid,
        channel_uuid=recorded.channel_uuid,
        urn=recorded.contact_urn,
    )
    values = {**contact.parameters, "identities": [recorded.identity]}
    span = spans.at(contact, _place(recorded))
    if span:
        yield _HAVING_AT.first(**values, conversation=span.conversation_id)
    at = recorded.queue_time
    since, until = period_of(at)
    yield _HAVING_BEFORE.first(**values, at=at, since=since)
    yield _HAVING_AFTER.first(**values, at=at, until=until)


def _having() -> QuerySet[Conversation]:
    """Return the conversations of a contact whose archives have messages."""
    return Conversation.objects.filter(
        **OF_CONTACT, archive_parts__message_ids__contains=Parameter("identities")
    )


def _place(recorded: MessageDeletion) -> Place:
    return place_at(
        queue_time=recorded.queue_time,
        sequence_number=int(recorded.sequence_number),
        group=recorded.group_id,
    )
