"""The messages of conversations in progress, as items of the DynamoDB table.

An item is one version of one message. Its partition key is the conversation, its sort key the
entry's key (the place of its event). `apps.messages.message_items` defines its content.

`home` is the group of the conversation, on which the stored form of a place depends.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, islice
from typing import Any, NamedTuple
from uuid import UUID

from apps.common.lossless_json import dump, load
from apps.conversations.contacts import Contact
from apps.messages import message_table
from apps.messages.entries import MessageEntry, is_foreign, parse_place
from apps.messages.message_items import (
    CHUNK,
    CONTENT,
    MessageItems,
    body_of,
    items_of,
    message_key,
)
from apps.messages.openings import OPENING, Opening
from apps.messages.versions import Document, Encoded
from celery_sqs_fifo.place import Place

# Bounds on the messages that archiving holds in memory at once: as many as fit into a part of an
# archive, so that each part of a long archive is written once.
ARCHIVE_BATCH_BYTES = 4_000_000
ARCHIVE_BATCH_ENTRIES = 1_000


@dataclass(slots=True)
class StoredBatch:
    """A bounded group of a conversation's messages: versions by their keys, in order."""

    versions: dict[str, Encoded] = field(default_factory=dict)
    size: int = 0

    @property
    def documents(self) -> list[Document]:
        """The versions without their JSON."""
        return [one.document for one in self.versions.values()]

    @property
    def is_full(self) -> bool:
        """Return whether the group has reached one of the two bounds."""
        return self.size >= ARCHIVE_BATCH_BYTES or len(self.versions) >= ARCHIVE_BATCH_ENTRIES


class Count(NamedTuple):
    """A number of versions of messages; a lower bound if it is not complete."""

    versions: int
    is_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _StoredMessage:
    """A message with the keys of its items.

    If the whole body `is_in_head`, any chunks are left over from an earlier form of the message.
    `opening` is that of the head, or "".
    """

    version: Encoded
    key: str
    chunk_keys: list[str]
    is_in_head: bool
    opening: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The conversation of a message, and the group of the conversation.

    `opened_by` is the contact if the message opened the conversation, and else None.
    """

    conversation_uuid: UUID
    home: str
    opened_by: Contact | None = None

    @property
    def opening(self) -> str:
        """Return what the item of the message has in OPENING, or ""."""
        return str(Opening(contact=self.opened_by, group=self.home)) if self.opened_by else ""


def put(*, target: Target, entry: MessageEntry, now: datetime) -> bool:
    """Store one message, in one write if it fits into one item; return whether it was new.

    Storing it again changes nothing. It expires 48 hours after `now`, the time of writing. Raise
    Unavailable.
    """
    return _put_new(_items_of(target, entry, now=now))


def put_all(
    *,
    entries: Sequence[tuple[Target, MessageEntry]],
    others: Sequence[message_table.Item] = (),
    now: datetime,
) -> int:
    """Store messages of several conversations, up to 25 in a write; return how many were stored.

    Duplicates count once. This is for first deliveries: unlike `put`, it replaces an item of the
    same key, with a new expiry. `others` are items of other kinds, which are stored in the same
    writes and not counted. Raise Unavailable, after which some messages may be stored.
    """
    large = 0
    # BatchWriteItem refuses duplicate keys.
    heads: dict[tuple[UUID, str], message_table.Item] = {}
    for target, entry in entries:
        items = _items_of(target, entry, now=now)
        if items.chunks:
            large += _put_new(items)
            continue
        heads.setdefault((target.conversation_uuid, message_key(items.head)), items.head)
    message_table.put_all([*heads.values(), *others])
    return large + len(heads)


def batches(conversation_uuid: UUID, *, known: Collection[str] = ()) -> Iterator[StoredBatch]:
    """Yield the messages of a conversation in bounded groups, in the order of their keys.

    Messages whose keys are `known` are left out. If there are any, the keys are read first, and
    then only the items from the first to the last unknown one.

    Reads are consistent and include expired items that DynamoDB has not deleted yet. Chunks of a
    body that was not completely written are skipped. Raise Unavailable.
    """
    between = None
    if known:
        unknown = [key for key in _keys(conversation_uuid) if key not in known]
        if not unknown:
            return
        # The chunks of a message sort directly behind it.
        between = (unknown[0], f"{unknown[-1]}{CHUNK}~")
    batch = StoredBatch()
    for stored in _messages(conversation_uuid, known=known, between=between):
        batch.versions[stored.key] = stored.version
        batch.size += stored.version.size
        if batch.is_full:
            yield batch
            batch = StoredBatch()
    if batch.versions:
        yield batch


def newest_place(conversation_uuid: UUID, *, home: str) -> Place | None:
    """Return the place of the newest stored message of the conversation's own group, or None.

    It makes one Query for one item. Raise Unavailable.
    """
    last = message_table.last_sort_key(conversation_uuid)
    if last is None or is_foreign(last):
        return None
    return parse_place(last.partition(CHUNK)[0], home=home)


def count(conversation_uuid: UUID) -> int:
    """Return how many versions of messages a conversation has. Raise Unavailable."""
    return sum(page["Count"] for page in _counting_pages(conversation_uuid))


def bounded_count(conversation_uuid: UUID, *, max_pages: int) -> Count:
    """Return how many versions of messages a conversation has on its first pages of items.

    Raise Unavailable.
    """
    pages = list(islice(_counting_pages(conversation_uuid), max_pages))
    return Count(
        versions=sum(page["Count"] for page in pages),
        is_complete="LastEvaluatedKey" not in pages[-1],
    )


def delete_conversation(conversation_uuid: UUID) -> None:
    """Delete all messages of a conversation, a page at a time. Raise Unavailable."""
    message_table.delete_partition(conversation_uuid)


def delete_messages(conversation_uuid: UUID, *, keys: Collection[str]) -> None:
    """Delete the messages of a conversation that have these keys. Raise Unavailable."""
    for page in message_table.pages(conversation_uuid, ProjectionExpression=message_table.SORT_KEY):
        items = [item for item in page["Items"] if message_key(item) in keys]
        message_table.delete_keys(
            conversation_uuid, [item[message_table.SORT_KEY]["S"] for item in items]
        )


def replace(
    conversation_uuid: UUID, *, replacement_of: Callable[[Document], Document], now: datetime
) -> None:
    """Replace messages of a conversation by others with the same keys.

    `replacement_of` returns the new form of a message, or the message itself to keep it. A new form
    must fit into one item. Chunks of the old form are deleted, including those that an earlier run
    has left. Raise Unavailable.
    """
    for stored in _messages(conversation_uuid):
        new = replacement_of(stored.version.document)
        is_changed = new != stored.version.document
        if is_changed:
            items = items_of(
                conversation_uuid=conversation_uuid,
                key=stored.key,
                body=dump(new).encode(),
                opening=stored.opening,
                now=now,
            )
            message_table.put(_only_item(items))
        # A run that ended after it had replaced the head may have left the chunks.
        if is_changed or stored.is_in_head:
            message_table.delete_keys(conversation_uuid, stored.chunk_keys)


def _counting_pages(conversation_uuid: UUID) -> Iterator[Any]:
    return message_table.pages(
        conversation_uuid, Select="COUNT", FilterExpression="attribute_not_exists(chunk)"
    )


def _keys(conversation_uuid: UUID) -> Iterator[str]:
    """Yield the keys of a conversation's messages, without those of chunks."""
    for page in message_table.pages(conversation_uuid, ProjectionExpression=message_table.SORT_KEY):
        for item in page["Items"]:
            key: str = item[message_table.SORT_KEY]["S"]
            if CHUNK not in key:
                yield key


def _items_of(target: Target, entry: MessageEntry, *, now: datetime) -> MessageItems:
    return items_of(
        conversation_uuid=target.conversation_uuid,
        key=entry.key(home=target.home),
        body=dump(entry.as_json(home=target.home)).encode(),
        opening=target.opening,
        now=now,
    )


def _put_new(items: MessageItems) -> bool:
    """Write the items of a message unless the table has its head; return whether they were written.

    A redelivery must not change a stored item, not even its expiry.
    """
    if items.chunks and message_table.exists(items.head):
        return False
    for chunk in items.chunks:
        message_table.put(chunk)
    return message_table.put_new(items.head)


def _only_item(items: MessageItems) -> message_table.Item:
    if items.chunks:
        raise ValueError("the new form of a message does not fit into one item")
    return items.head


def _messages(
    conversation_uuid: UUID,
    *,
    known: Collection[str] = (),
    between: tuple[str, str] | None = None,
) -> Iterator[_StoredMessage]:
    """Yield each complete message. Raise Unreadable if one cannot be decompressed.

    A head sorts directly before its chunks, so one pass is enough to join the bodies.
    """
    for key, items in groupby(_items(conversation_uuid, between=between), key=message_key):
        if key in known:
            continue
        head, *chunks = items
        body = body_of(head, chunks, conversation_uuid=conversation_uuid)
        if body is None:
            continue
        json = body.decode()
        yield _StoredMessage(
            version=Encoded(load(json), json, len(body)),
            key=key,
            chunk_keys=[chunk[message_table.SORT_KEY]["S"] for chunk in chunks],
            is_in_head="entry" in head,
            opening=head[OPENING]["S"] if OPENING in head else "",
        )


def _items(conversation_uuid: UUID, *, between: tuple[str, str] | None) -> Iterator[Any]:
    for page in message_table.pages(
        conversation_uuid, between=between, ProjectionExpression=CONTENT
    ):
        yield from page["Items"]
