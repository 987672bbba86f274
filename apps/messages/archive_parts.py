"""The parts of an archive: reading, finding and writing their rows.

The caller holds the lock of the conversation's row while it writes.
"""

from collections.abc import Iterable, Iterator
from uuid import UUID

from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from apps.common.lossless_json import dump
from apps.conversations.models import Conversation
from apps.conversations.places import time_of
from apps.messages.entries import parse_place
from apps.messages.merged_places import pack, unpack
from apps.messages.models import ConversationMessages
from apps.messages.versions import Document, identity, position, versions_of

Keys = set[str]


def merged_places(conversation_uuid: UUID) -> Keys:
    """Return the places, as keys of items in DynamoDB, that the parts of an archive have merged."""
    parts = ConversationMessages.objects.filter(conversation=conversation_uuid)
    packed = parts.values_list("merged_places", flat=True)
    return set[str]().union(*(unpack(one) for one in packed))


def identities(conversation_uuid: UUID) -> set[str]:
    """Return the identities of the messages in an archive."""
    parts = ConversationMessages.objects.filter(conversation=conversation_uuid)
    return set[str]().union(*parts.values_list("message_ids", flat=True))


def size_of(document: Document) -> int:
    """Return the bytes of an entry as JSON."""
    return len(dump(document).encode())


def parts_with_any(
    conversation: Conversation, identities: Iterable[str]
) -> Iterator[ConversationMessages]:
    """Yield the parts that have any of these messages.

    From version 14 on, PostgreSQL hashes a constant array in "= ANY" and looks up each id of a part
    in it. The operator && compares every pair of ids, which takes a minute for a long archive.
    """
    has_any = RawSQL(
        "EXISTS (SELECT FROM unnest(message_ids) AS id WHERE id = ANY(%s))",
        [list(identities)],
        output_field=BooleanField(),
    )
    yield from parts_of(conversation).filter(has_any).iterator(chunk_size=1)


def parts_of(conversation: Conversation) -> QuerySet[ConversationMessages]:
    """Return the parts of an archive in order."""
    return ConversationMessages.objects.filter(conversation=conversation).order_by("part")


def write_part(
    conversation: Conversation, number: int, messages: list[Document], places: Keys
) -> None:
    """Write a part with these entries and places, or delete it if it has no entries."""
    if not messages:
        parts_of(conversation).filter(part=number).delete()
        return
    times = [
        time_of(parse_place(version["place"], home=conversation.group_id))
        for entry in messages
        for version in versions_of(entry)
    ]
    content = {
        "messages": messages,
        "message_ids": [identity(entry) for entry in messages],
        "first_position": position(messages[0]),
        "first_message_at": min(times),
        "last_message_at": max(times),
        "message_count": len(messages),
        "size": sum(size_of(entry) for entry in messages),
        "merged_places": pack(places),
    }
    if not parts_of(conversation).filter(part=number).update(**content):
        ConversationMessages.objects.create(conversation=conversation, part=number, **content)
