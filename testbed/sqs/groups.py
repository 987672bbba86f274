"""The message groups of a queue: their messages in order, and which of them are unlocked."""

import heapq
from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import islice

from testbed.sqs.message import Message


@dataclass(slots=True)
class Group:
    """The messages of a group by sequence number, oldest first.

    It is locked while `in_flight` is not 0. `offered_at` is the sequence number under which it
    stands in the heap of unlocked groups, or None.
    """

    group_id: str
    # An OrderedDict, because finding the first key of a dict slows with each first key removed.
    messages: OrderedDict[int, Message] = field(default_factory=OrderedDict)
    in_flight: int = 0
    offered_at: int | None = None

    def following(self, *, skip: int, count: int) -> list[Message]:
        """Up to `count` messages after the first `skip`."""
        return list(islice(self.messages.values(), skip, skip + count))


class Groups:
    """All groups that have messages. No call looks at more messages than it returns."""

    def __init__(self) -> None:
        self._groups: dict[str, Group] = {}
        # (sequence number of the first message, group id); entries may be out of date.
        self._unlocked: list[tuple[int, str]] = []

    def add(self, message: Message) -> None:
        """Puts it behind the others of its group."""
        group = self._groups.get(message.group_id)
        if group is None:
            group = self._groups[message.group_id] = Group(message.group_id)
        group.messages[message.sequence] = message
        self._offer(group)

    def remove(self, message: Message) -> None:
        """Takes out one that is not in flight, wherever in its group it stands."""
        group = self._groups[message.group_id]
        del group.messages[message.sequence]
        if group.messages:
            self._offer(group)
        else:
            del self._groups[message.group_id]

    def lock(self, message: Message) -> None:
        """Notes that it came in flight."""
        group = self._groups[message.group_id]
        group.in_flight += 1
        group.offered_at = None

    def unlock(self, message: Message) -> None:
        """Notes that this one is in flight no longer."""
        group = self._groups[message.group_id]
        group.in_flight -= 1
        self._offer(group)

    def has_unlocked(self) -> bool:
        """Whether there is a message that could be received."""
        self._drop_outdated()
        return bool(self._unlocked)

    def take_unlocked(self) -> Group | None:
        """The unlocked group whose first message is the oldest.

        It is not offered again before one of its messages is locked and unlocked, or removed.
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
