"""The items of one table, by partition and sort key."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from testbed.dynamodb.items import Item, key_of, size_of


@dataclass(frozen=True, slots=True)
class _Stored:
    """An item as text, which takes a third of the memory of objects."""

    text: str
    size: int


class Table:
    """A table, for one thread. The cost of a page grows with the keys of its partition.

    `key_schema` is as in CreateTable.
    """

    def __init__(self, *, key_schema: list[dict[str, str]]) -> None:
        self.key_schema = key_schema
        self.expiry_attribute: str | None = None
        self._partitions: dict[str, dict[str, _Stored]] = {}

    def put(self, item: Item) -> tuple[int, int]:
        """Write an item. Return the size of the old item, 0 without one, and of the new item."""
        partition, sort = key_of(item)
        items = self._partitions.setdefault(partition, {})
        before = items[sort].size if sort in items else 0
        after = size_of(item)
        items[sort] = _Stored(json.dumps(item), after)
        return before, after

    def delete(self, key: Item) -> int:
        """Delete an item. Return its size in bytes, 0 without an item."""
        partition, sort = key_of(key)
        items = self._partitions.get(partition, {})
        stored = items.pop(sort, None)
        if not items:
            self._partitions.pop(partition, None)
        return stored.size if stored else 0

    def get(self, key: Item) -> Item | None:
        """Return the item, or None."""
        partition, sort = key_of(key)
        stored = self._partitions.get(partition, {}).get(sort)
        return json.loads(stored.text) if stored else None

    def size_of(self, key: Item) -> int:
        """Return the size of an item in bytes, 0 without an item."""
        partition, sort = key_of(key)
        stored = self._partitions.get(partition, {}).get(sort)
        return stored.size if stored else 0

    def partition(
        self, partition: str, *, after: str | None, backwards: bool
    ) -> Iterator[tuple[Item, int]]:
        """Return the items of a partition in the order of their sort keys, each with its size."""
        items = self._partitions.get(partition, {})
        keys = sorted(items, reverse=backwards)
        if after is not None:
            keys = [key for key in keys if (key < after if backwards else key > after)]
        return ((json.loads(items[key].text), items[key].size) for key in keys)

    def scan(self, *, after: tuple[str, str] | None) -> Iterator[tuple[Item, int]]:
        """Yield all items in the order of their keys, each with its size."""
        for partition in sorted(self._partitions):
            if after is not None and partition < after[0]:
                continue
            of_this = after[1] if after is not None and partition == after[0] else None
            yield from self.partition(partition, after=of_this, backwards=False)
