"""The message groups of a queue: their messages in order, and which groups are unlocked."""

import heapq
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from testbed.sqs.message import Message


@dataclass(slots=True)
class Group:
    """The messages of a group by sequence number, oldest first.

    The group is locked while `in_flight` is not 0. `offered_at` is its sequence number in the heap
    of unlocked groups, None if it is not there.
    """

    group_id: str
    # An OrderedDict, because removing the first keys of a dict makes finding the next one slower.
    messages: OrderedDict[int, Message] = field(default_factory=OrderedDict)
    in_flight: int = 0
    offered_at: int | None = None

    def following(self, *, skip: int, count: int) -> list[Message]:
        """Return up to `count` messages after the first `skip`."""
        return list(islice(self.messages.values(), skip, skip + count))


class Groups:
    """All groups that have messages. No call reads more messages than it returns."""

    def __init__(self) -> None:
        self._groups: dict[str, Group] = {}
        # (sequence number of the first message, group id); entries may be out of date.
        self._unlocked: list[tuple[int, str]] = []

    def add(self, message: Message) -> None:
        """Add a message at the end of its group."""
        group = self._groups.get(message.group_id)
        if group is None:
            group = self._groups[message.group_id] = Group(message.group_id)
        group.messages[message.sequence] = message
        self._offer(group)

    def remove(self, message: Message) -> None:
        """Remove a message that is not in flight, at any position of its group."""
        group = self._groups[message.group_id]
        del group.messages[message.sequence]
        if group.messages:
            self._offer(group)
        else:
            del self._groups[message.group_id]

    def lock(self, message: Message) -> None:
        """Lock the group of a message that is in flight from now on."""
        group = self._groups[message.group_id]
        group.in_flight += 1
        group.offered_at = None

    def unlock(self, message: Message) -> None:
        """Unlock the group of a message if it was the last one in flight."""
        group = self._groups[message.group_id]
        group.in_flight -= 1
        self._offer(group)

    def has_unlocked(self) -> bool:
        """Whether a message can be received."""
        self._drop_outdated()
        return bool(self._unlocked)

    def leading(self, in_flight: Iterable[Message]) -> Iterator[Message]:
        """Yield the messages before which no message of their group is visible.

        `in_flight` are all messages in flight, oldest first.
        """
        following: dict[str, Iterator[int]] = {}
        for message in in_flight:
            group_id = message.group_id
            if group_id not in following:
                following[group_id] = iter(self._groups[group_id].messages)
            if next(following[group_id]) == message.sequence:
                yield message

    def take_unlocked(self) -> Group | None:
        """Return the unlocked group with the oldest first message; None if all are locked.

        The group is not returned again before one of its messages is unlocked or removed.
        """
        self._drop_outdated()
        if not self._unlocked:
            return None
        _, group_id = heapq.heappop(self._unlocked)
        group = self._groups[group_id]
        group.offered_at = None
        return group

    def _offer(self, group: Group) -> None:
        if group.in_flight:
            return
        first = next(iter(group.messages))
        if group.offered_at != first:
            group.offered_at = first
            heapq.heappush(self._unlocked, (first, group.group_id))

    def _drop_outdated(self) -> None:
        while self._unlocked:
            first, group_id = self._unlocked[0]
            group = self._groups.get(group_id)
            if group is not None and group.offered_at == first:
                return
            heapq.heappop(self._unlocked)
