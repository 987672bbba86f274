"""Items: their keys, their size, and the capacity that reading and writing them takes."""

from typing import Any

from testbed.server.errors import ServiceError

PARTITION, SORT = "conversation_uuid", "message_key"
# DynamoDB Developer Guide, "Quotas": an item, a page of a Query, a BatchWriteItem.
MAX_ITEM_BYTES = 409_600
MAX_PAGE = 1_048_576
MAX_BATCH_ENTRIES = 25
_WRITE_UNIT = 1_024
_READ_UNIT = 4_096

Item = dict[str, Any]


class Refused(ServiceError):
    """An error of DynamoDB."""

    def __init__(self, code: str, text: str, *, status: int = 400) -> None:
        super().__init__(code=code, message=text, status=status)


def size_of(item: Item) -> int:
    """Names and values, binary ones without their base64 (DynamoDB, "Item sizes and formats")."""
    return sum(
        len(name.encode()) + (len(text) * 3 // 4 if kind == "B" else len(text.encode()))
        for name, value in item.items()
        for kind, text in value.items()
    )


def write_units(*sizes: int) -> int:
    """Of writing or deleting one item, whose size was and will be one of these.

    A unit for each kilobyte begun of the larger; at least one, also where a condition is not met
    (DynamoDB Developer Guide, "Capacity unit consumption for write operations").
    """
    return max(1, -(-max(sizes, default=0) // _WRITE_UNIT))


def read_units(size: int, *, consistent: bool) -> float:
    """Of reading so many bytes: one for each 4 KB begun, half where old data will do.

    A Query rounds the sum of its items, and reading nothing takes the least (DynamoDB Developer
    Guide, "Capacity unit consumption for read operations").
    """
    return max(1, -(-size // _READ_UNIT)) * (1.0 if consistent else 0.5)


def key_of(item: Item) -> tuple[str, str]:
    """Its partition and sort key."""
    return item[PARTITION]["S"], item[SORT]["S"]


def of_allowed_size(item: Item) -> Item:
    """The item. Raises Refused if it is over 400 KB."""
    if size_of(item) > MAX_ITEM_BYTES:
        raise Refused("ValidationException", "Item size has exceeded the maximum allowed size")
    return item
