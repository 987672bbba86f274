"""The messages and openings that were written to DynamoDB since a time, in all conversations.

They are read after PostgreSQL was restored to an earlier time. Reading them scans the table: it
costs read units for all messages of the last 48 hours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from apps.common.lossless_json import load
from apps.messages import message_table
from apps.messages.compression import Unreadable
from apps.messages.message_items import CHUNK, CONTENT, body_of
from apps.messages.message_table import PARTITION_KEY, SORT_KEY, Item
from apps.messages.openings import OPENED, OPENING, Opening, partition_of
from apps.messages.versions import Document

# A conversation with more messages is divided, so that memory is bounded.
MAX_MESSAGES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenMessage:
    """A stored message with the key of its item. `document` is None if it cannot be read."""

    key: str
    document: Document | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Messages of a conversation, in the order of their keys.

    `opening` is that of the conversation if the message that opened it is among them.
    """

    conversation_uuid: UUID
    messages: list[WrittenMessage]
    opening: Opening | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A conversation with the event that opened it: its key, and its message unless a window did.

    `document` is also None if the message cannot be read.
    """

    conversation_uuid: UUID
    opening: Opening
    key: str
    document: Document | None


def messages_since(since: datetime) -> Iterator[Written]:
    """Yield the messages that were written since a time, by conversation. Raise Unavailable.

    A conversation with many messages is yielded in parts, one after the other.
    """
    items = _scanned(since, having="(attribute_exists(entry) OR attribute_exists(chunks))")
    for partition, of_conversation in groupby(items, key=lambda item: item[PARTITION_KEY]["S"]):
        uuid = UUID(partition)
        part: list[Item] = []
        for item in of_conversation:
            part.append(item)
            if len(part) == MAX_MESSAGES:
                yield _written(uuid, part)
                part = []
        if part:
            yield _written(uuid, part)


def openings_since(since: datetime) -> Iterator[Opened]:
    """Yield the conversations whose openings were written since a time. Raise Unavailable."""
    for item in _scanned(since, having=f"attribute_exists({OPENING})"):
        uuid = UUID(item[OPENED if OPENED in item else PARTITION_KEY]["S"])
        yield Opened(
            conversation_uuid=uuid,
            opening=Opening.parse(item[OPENING]["S"]),
            key=item[SORT_KEY]["S"],
            document=None if OPENED in item else _document(uuid, item),
        )


def find_opening(conversation_uuid: UUID) -> Opening | None:
    """Return the opening of a conversation, or None if its items name no contact.

    This makes up to two Queries. Raise Unavailable.
    """
    for partition in (conversation_uuid, partition_of(conversation_uuid)):
        pages = message_table.pages(
            partition,
            FilterExpression=f"attribute_exists({OPENING})",
            ProjectionExpression=OPENING,
        )
        for page in pages:
            for item in page["Items"]:
                return Opening.parse(item[OPENING]["S"])
    return None


def _scanned(since: datetime, *, having: str) -> Iterator[Item]:
    projection = f"{PARTITION_KEY}, {CONTENT}, {OPENED}"
    for page in message_table.scan(written_since=since, having=having, projection=projection):
        yield from page["Items"]


def _written(uuid: UUID, items: list[Item]) -> Written:
    openings = (Opening.parse(item[OPENING]["S"]) for item in items if OPENING in item)
    return Written(
        conversation_uuid=uuid,
        messages=[
            WrittenMessage(key=item[SORT_KEY]["S"], document=_document(uuid, item))
            for item in items
        ],
        opening=next(openings, None),
    )


def _document(uuid: UUID, head: Item) -> Any:
    """Return the message of an item, whose chunks are read if it has any, or None."""
    try:
        body = body_of(head, _chunks(uuid, head), conversation_uuid=uuid)
    except Unreadable:
        return None
    return load(body.decode()) if body is not None else None


def _chunks(uuid: UUID, head: Item) -> list[Item]:
    if "chunks" not in head:
        return []
    key = head[SORT_KEY]["S"]
    between = (f"{key}{CHUNK}", f"{key}{CHUNK}~")
    pages = message_table.pages(uuid, between=between, ProjectionExpression=CONTENT)
    return [item for page in pages for item in page["Items"]]
