"""The items of a message in DynamoDB: their content, and how it is read back.

`entry` of the head item is the message's JSON as text. If that costs fewer write units, `entry` is
binary instead: the JSON, compressed with the dictionary whose number is in `dictionary`. If a body
does not fit into one item, it is split into chunk items, compressed or not. The head then has their
number in `chunks` instead of `entry`. It is written last, so a head means that its message is
complete. The head of the message that opened its conversation names the contact in `opening`
(apps.messages.openings).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from apps.common import aws
from apps.messages import message_table
from apps.messages.compression import DICTIONARY, Unreadable, compress, decompress
from apps.messages.message_table import CHUNK_TIME_TO_LIVE, SORT_KEY, TIME_TO_LIVE, Item
from apps.messages.openings import OPENING

# Less than DynamoDB's 400 KB with names and keys (Developer Guide, "Constraints"), because the
# documented size of a number is approximate, and because moto refuses items above 405,000 bytes.
MAX_ITEM_BYTES = 404_000
# Less than fits into an item, because some DynamoDB emulators measure binary values as base64.
MAX_BINARY_BYTES = 300_000
# Separates the key of a message from the number of a chunk.
CHUNK = "#"
# The projection that reads all that `body_of` needs, and OPENING.
CONTENT = f"{SORT_KEY}, entry, dictionary, chunks, chunk, {OPENING}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageItems:
    """The head item of a message, and its chunks, which are written before it."""

    head: Item
    chunks: Sequence[Item]

    @property
    def write_units(self) -> int:
        """The write units that writing the items costs."""
        return sum(map(write_units, (self.head, *self.chunks)))


def items_of(
    *, conversation_uuid: UUID, key: str, body: bytes, now: datetime, opening: str = ""
) -> MessageItems:
    """Return the items of a message, whose body is compressed only if that saves a write unit.

    It is not compressed either if that needs more items, and so more calls. The head expires 48
    hours after `now`, the time of writing, and has `opening` if that is not empty.
    """
    items = partial(_items, conversation_uuid=conversation_uuid, key=key, opening=opening, now=now)
    plain = items({"entry": {"S": body.decode()}}, data=body)
    if plain.write_units == 1:
        return plain
    data = compress(body)
    dictionary = {"dictionary": {"N": str(DICTIONARY)}}
    compressed = items({"entry": {"B": data}, **dictionary}, data=data)
    saves = compressed.write_units < plain.write_units
    return compressed if saves and len(compressed.chunks) <= len(plain.chunks) else plain


def body_of(head: Item, chunks: Sequence[Item], *, conversation_uuid: UUID) -> bytes | None:
    """Return the body of a message, or None if it was not completely written.

    Raise Unreadable if it cannot be decompressed.
    """
    stored = _stored(head, chunks)
    if stored is None or "dictionary" not in head:
        return stored
    try:
        return decompress(stored, dictionary=int(head["dictionary"]["N"]))
    except Unreadable as error:
        key = head[SORT_KEY]["S"]
        raise Unreadable(
            f"Item {key} of conversation {conversation_uuid} is unreadable: {error}"
        ) from error


def message_key(item: Item) -> str:
    """Return the key of the message to which an item belongs."""
    key: str = item[SORT_KEY]["S"]
    return key.partition(CHUNK)[0]


def write_units(item: Item) -> int:
    """Return the write units of writing an item: one for each kilobyte, rounded up."""
    return -(-size_of(item) // aws.DYNAMODB_WRITE_UNIT_BYTES)


def size_of(item: Item) -> int:
    """Return the size of an item's names and values in bytes.

    See "DynamoDB item sizes and formats" in the Developer Guide.
    """
    return sum(
        len(name) + _size_of_value(kind, value)
        for name, typed in item.items()
        for kind, value in typed.items()
    )


def _size_of_value(kind: str, value: Any) -> int:
    match kind:
        case "N":
            # A byte for every two digits, and one more. DynamoDB leaves out zeros at the end.
            return -(-len(value) // 2) + 1
        case "S":
            return len(value.encode())
        case _:
            return len(value)


def _fits(item: Item) -> bool:
    """Return whether a whole body fits into an item."""
    binary = item["entry"].get("B", b"")
    return size_of(item) <= MAX_ITEM_BYTES and len(binary) <= MAX_BINARY_BYTES


def _items(
    content: Mapping[str, Any],
    *,
    data: bytes,
    conversation_uuid: UUID,
    key: str,
    opening: str,
    now: datetime,
) -> MessageItems:
    """Return one item with this content, or chunks of `data`, its entry, if that does not fit."""
    item = partial(_item, conversation_uuid=conversation_uuid)
    opened = {OPENING: {"S": opening}} if opening else {}
    head = item({**content, **opened}, sort_key=key, expires_at=now + TIME_TO_LIVE)
    if _fits(head):
        return MessageItems(head=head, chunks=())
    chunks = [
        item(
            {"chunk": {"B": data[start : start + MAX_BINARY_BYTES]}},
            sort_key=f"{key}{CHUNK}{number:04d}",
            expires_at=now + CHUNK_TIME_TO_LIVE,
        )
        for number, start in enumerate(range(0, len(data), MAX_BINARY_BYTES))
    ]
    rest = {name: value for name, value in head.items() if name != "entry"}
    return MessageItems(head={**rest, "chunks": {"N": str(len(chunks))}}, chunks=chunks)


def _item(
    content: Mapping[str, Any], *, conversation_uuid: UUID, sort_key: str, expires_at: datetime
) -> Item:
    primary_key = message_table.key(conversation_uuid=conversation_uuid, sort_key=sort_key)
    return primary_key | dict(content) | message_table.expiry(expires_at)


def _stored(head: Item, chunks: Sequence[Item]) -> bytes | None:
    """Return the bytes of a body as they are stored, or None if it was not completely written."""
    if "entry" in head:
        entry = head["entry"]
        data: bytes = entry["B"] if "B" in entry else entry["S"].encode()
        return data
    count = int(head["chunks"]["N"]) if "chunks" in head else None
    if count is None or len(chunks) < count:
        return None
    return b"".join(chunk["chunk"]["B"] for chunk in chunks[:count])
