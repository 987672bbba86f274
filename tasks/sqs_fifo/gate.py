"""Which messages may run now. No input or output: only who waits for whom.

SQS fills a batch from one group first, so messages of one group arrive together and must not run
together. The gate lets one message of a group run; the next runs when that one is finished, and
around a barrier only when what was finished before is confirmed as deleted: a kill in between makes
SQS deliver again what took effect already, and a barrier must not take effect on what came after
it.
"""

from collections import deque
from collections.abc import Iterator

from tasks.sqs_fifo.delivery import Delivery


class _Group:
    __slots__ = ("head", "unconfirmed", "unconfirmed_barrier", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Delivery] = deque()
        self.head: Delivery | None = None
        self.unconfirmed = 0
        self.unconfirmed_barrier = False

    @property
    def may_run(self) -> bool:
        if not self.waiting or self.head or self.unconfirmed_barrier:
            return False
        return not (self.waiting[0].is_barrier and self.unconfirmed)

    @property
    def waits_for_deletes(self) -> bool:
        return bool(self.waiting and not self.head and not self.may_run)

    @property
    def is_empty(self) -> bool:
        return not (self.waiting or self.head or self.unconfirmed)


class Gate:
    """Holds what was received and hands out what may run, in each group's order.

    A delivery is *waiting* from `admit` until `take`; then it is its group's *head* until `finish`
    (it took effect or is quarantined) or `drop`. A head that failed stays the head: `take` does not
    hand out another of its group.
    """

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}
        self._ready: deque[str] = deque()

    def admit(self, delivery: Delivery) -> None:
        """Let a received message queue up behind those of its group."""
        group = self._groups.setdefault(delivery.group_id, _Group())
        group.waiting.append(delivery)
        self._refresh(delivery.group_id)

    def take(self) -> Delivery | None:
        """The next message that may run, or None; groups take turns."""
        while self._ready:
            group = self._groups.get(self._ready.popleft())
            if group and group.may_run:
                group.head = group.waiting.popleft()
                return group.head
        return None

    def finish(self, delivery: Delivery) -> None:
        """The head took effect (or is quarantined); its delete is still to be confirmed."""
        group = self._groups[delivery.group_id]
        group.head = None
        group.unconfirmed += 1
        group.unconfirmed_barrier = group.unconfirmed_barrier or delivery.is_barrier
        self._refresh(delivery.group_id)

    def confirm(self, delivery: Delivery) -> None:
        """SQS has confirmed the delete of a finished message."""
        group = self._groups[delivery.group_id]
        group.unconfirmed -= 1
        if not group.unconfirmed:
            group.unconfirmed_barrier = False
        self._refresh(delivery.group_id)

    def put_back(self, delivery: Delivery) -> None:
        """The head shall run again, before all others of its group."""
        group = self._groups[delivery.group_id]
        group.head = None
        group.waiting.appendleft(delivery)
        self._refresh(delivery.group_id)

    def forget_head(self, delivery: Delivery) -> None:
        """The head is given back to SQS or lost: nothing of it is ours any more."""
        self._groups[delivery.group_id].head = None
        self._refresh(delivery.group_id)

    def drop_waiting(self, group_id: str) -> list[Delivery]:
        """Forget what waits in a group, and give it, in order."""
        group = self._groups.get(group_id)
        if not group:
            return []
        dropped = list(group.waiting)
        group.waiting.clear()
        self._refresh(group_id)
        return dropped

    def waits_for_deletes(self, group_id: str) -> bool:
        """Whether the group's next message only waits for deletes: they should not linger."""
        group = self._groups.get(group_id)
        return bool(group and group.waits_for_deletes)

    @property
    def group_ids(self) -> list[str]:
        """The groups of which something is held, runs, or is not yet confirmed as deleted."""
        return list(self._groups)

    @property
    def ready(self) -> int:
        """How many groups have a message that may run now."""
        return len(self._ready)

    @property
    def held(self) -> int:
        """How many messages are held in all."""
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[Delivery]:
        """All that is held: heads, and those that wait."""
        for group in self._groups.values():
            if group.head:
                yield group.head
            yield from group.waiting

    def _refresh(self, group_id: str) -> None:
        group = self._groups[group_id]
        if group.is_empty:
            del self._groups[group_id]
        elif group.may_run and group_id not in self._ready:
            self._ready.append(group_id)
