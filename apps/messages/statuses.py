"""Delivery statuses of the messages in open conversations, as items of the DynamoDB table.

An item is one status, and its sort key is the place of its event. So a batch of statuses is stored
with the messages of its batch, without a condition, and writing one again changes nothing: which
status is the last one is decided when they are read. Statuses never go to PostgreSQL. They expire
as messages do.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from django.conf import settings

from apps.conversations.models import Conversation
from apps.messages import message_table
from apps.messages.entries import parse_place, place_key
from apps.messages.message_table import TIME_TO_LIVE
from apps.messages.store import Target
from apps.messages.versions import Document, identity
from celery_sqs_fifo.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageStatus:
    """A status of the message with this identity, and the place of its event."""

    target: Target
    identity: str
    status: str
    place: Place


def status_items(statuses: Iterable[MessageStatus], *, now: datetime) -> list[message_table.Item]:
    """Return the items of statuses, which expire 48 hours after `now`, the time of writing.

    Each has a key of its own.
    """
    by_key = {(partition_of(one.target.conversation_uuid), _sort_key(one)): one for one in statuses}
    return [
        {
            **message_table.key(conversation_uuid=partition, sort_key=sort_key),
            "message": {"S": one.identity},
            "status": {"S": one.status},
            **message_table.expiry(now + TIME_TO_LIVE),
        }
        for (partition, sort_key), one in by_key.items()
    ]


def with_statuses(documents: Sequence[Document], *, conversation: Conversation) -> list[Document]:
    """Return messages with the last status of each, until the conversation is archived.

    Raise Unavailable.
    """
    if not settings.KEEPS_MESSAGE_STATUSES or conversation.archived_at:
        return list(documents)
    last = _last_of(conversation)
    return [
        {**document, "status": last[identity(document)]} if identity(document) in last else document
        for document in documents
    ]


def partition_of(conversation_uuid: UUID) -> UUID:
    """Return the partition of a conversation's statuses, apart from that of its messages.

    So whoever reads messages reads no statuses.
    """
    return uuid5(conversation_uuid, "statuses")


def _last_of(conversation: Conversation) -> dict[str, str]:
    """Return the status with the last place of each message, by the identity of the message."""
    last: dict[str, tuple[Place, str]] = {}
    for page in message_table.pages(partition_of(conversation.uuid)):
        for item in page["Items"]:
            place = parse_place(item[message_table.SORT_KEY]["S"], home=conversation.group_id)
            name = item["message"]["S"]
            if name not in last or last[name][0] < place:
                last[name] = place, item["status"]["S"]
    return {name: status for name, (_, status) in last.items()}


def _sort_key(status: MessageStatus) -> str:
    return place_key(status.place, home=status.target.home)
