"""The items of a conversation as they are stored, for people who look for a fault."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any
from uuid import UUID

from apps.common.lossless_json import load
from apps.messages import message_table, openings, statuses
from apps.messages.compression import Unreadable
from apps.messages.message_items import body_of, message_key
from apps.messages.message_table import Item

RawItem = dict[str, Any]


def raw_items(conversation_uuid: UUID) -> Iterator[RawItem]:
    """Yield the items of a conversation as JSON: messages, delivery statuses, then its opening.

    Names and values are those that are stored, but `entry` is the message's JSON: decompressed, and
    put together from chunks. Other binary values are replaced by their size. An item that cannot be
    read has the reason in `unreadable`. Raise Unavailable.
    """
    apart = (statuses.partition_of(conversation_uuid), openings.partition_of(conversation_uuid))
    for partition in (conversation_uuid, *apart):
        items = (item for page in message_table.pages(partition) for item in page["Items"])
        for _, of_message in groupby(items, key=message_key):
            head, *chunks = of_message
            yield _shown(head) | _entry(partition, head, chunks)
            yield from map(_shown, chunks)


def _entry(partition: UUID, head: Item, chunks: list[Item]) -> RawItem:
    try:
        body = body_of(head, chunks, conversation_uuid=partition)
        return {} if body is None else {"entry": load(body.decode())}
    except (Unreadable, ValueError) as error:
        return {"unreadable": str(error)}


def _shown(item: Item) -> RawItem:
    return {
        name: _shown_value(kind, value)
        for name, typed in item.items()
        for kind, value in typed.items()
    }


def _shown_value(kind: str, value: Any) -> Any:
    match kind:
        case "N":
            return int(value)
        case "B":
            return f"{len(value)} bytes"
        case _:
            return value
