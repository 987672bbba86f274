"""Items: their keys and sizes, and the capacity units of reading and writing them."""

from base64 import b64decode
from collections.abc import Callable
from typing import Any

from testbed.server.errors import ServiceError

PARTITION, SORT = "conversation_uuid", "message_key"
# DynamoDB Developer Guide, "Quotas": the limits of an item, a Query's page and a BatchWriteItem.
MAX_ITEM_BYTES = 409_600
MAX_PAGE = 1_048_576
MAX_BATCH_ENTRIES = 25
_WRITE_UNIT = 1_024
_READ_UNIT = 4_096

Item = dict[str, Any]

_SIZES: dict[str, Callable[[str], int]] = {
    "B": lambda text: len(b64decode(text)),
    "N": lambda text: (len(text) + 1) // 2 + 1,
    "S": lambda text: len(text.encode()),
}


class Refused(ServiceError):
    """An error of DynamoDB."""

    def __init__(self, code: str, text: str, *, status: int = 400) -> None:
        super().__init__(code=code, message=text, status=status)


def size_of(item: Item) -> int:
    """Return the size of names and values in bytes (DynamoDB, "Item sizes and formats").

    Binary values count with their size before base64 encoding. Two digits of a number take a byte,
    and each number another one.
    """
    return sum(
        len(name.encode()) + _SIZES[kind](text)
        for name, value in item.items()
        for kind, text in value.items()
    )


def write_units(*sizes: int) -> int:
    """Return the write units for writing or deleting an item with these sizes before and after.

    The larger size counts, rounded up to kilobytes. A write costs at least one unit, even if its
    condition is not met (DynamoDB Developer Guide, "Capacity unit consumption for write
    operations").
    """
    return max(1, -(-max(sizes, default=0) // _WRITE_UNIT))


def read_units(size: int, *, consistent: bool) -> float:
    """Return the read units of reading `size` bytes, rounded up to 4 KB.

    Reads that are not strongly consistent cost half. A Query adds up the sizes of its items before
    rounding. Reading nothing costs the minimum (DynamoDB Developer Guide, "Capacity unit
    consumption for read operations").
    """
    return max(1, -(-size // _READ_UNIT)) * (1.0 if consistent else 0.5)


def key_of(item: Item) -> tuple[str, str]:
    """Return the partition key and the sort key."""
    return item[PARTITION]["S"], item[SORT]["S"]


def of_allowed_size(item: Item) -> Item:
    """Return the item. Raises Refused if it is larger than 400 KB."""
    if size_of(item) > MAX_ITEM_BYTES:
        raise Refused("ValidationException", "Item size has exceeded the maximum allowed size")
    return item
