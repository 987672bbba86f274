"""Decide which messages may run now. No input or output.

SQS fills a receive from one group first, so messages of one group arrive together. They must take
effect one after the other, so the gate hands out nothing of a group while a batch with its messages
runs. Before and after a barrier it also waits until SQS has confirmed the deletes of the earlier
messages. If the worker were killed before such a delete, SQS would deliver a message again that has
already taken effect, and a barrier must not act on the effects of later messages.
"""

from collections import deque
from collections.abc import Iterator

from celery_sqs_fifo.delivery import Delivery


class _Group:
    __slots__ = ("has_backlog", "taken", "unconfirmed", "unconfirmed_barrier", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[Delivery] = deque()
        self.taken: list[Delivery] = []
        self.unconfirmed = 0
        self.unconfirmed_barrier = False
        self.has_backlog = False

    @property
    def may_run(self) -> bool:
        if not self.waiting or self.taken or self.unconfirmed_barrier:
            return False
        return not (self.waiting[0].is_barrier and self.unconfirmed)

    @property
    def waits_for_deletes(self) -> bool:
        if self.taken or self.may_run:
            return False
        return bool(self.waiting or (self.has_backlog and self.unconfirmed))

    @property
    def is_empty(self) -> bool:
        return not (self.waiting or self.taken or self.unconfirmed)

    def take(self, *, max_events: int, max_bytes: int, may_exceed: bool) -> list[Delivery]:
        """Take and return the first messages, up to the first one that goes alone or is too large.

        With `may_exceed`, the first message is taken even if it goes alone or is too large.
        """
        while self.waiting and len(self.taken) < max_events:
            delivery = self.waiting[0]
            is_first = may_exceed and not self.taken
            if not is_first and (delivery.goes_alone or delivery.size > max_bytes):
                break
            self.taken.append(self.waiting.popleft())
            max_bytes -= delivery.size
            if delivery.goes_alone:
                break
        return list(self.taken)


class Gate:
    """Holds received messages, and hands out those that may run in the order of their group.

    A delivery is *waiting* from `admit` until `take`, and *taken* from then until `finish` (it took
    effect or is quarantined), `put_back` or `forget`. While anything of a group is taken, `take`
    hands out nothing else of it.
    """

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}
        self._ready: deque[str] = deque()
        self._held = 0

    def admit(self, delivery: Delivery) -> None:
        """Add a received message after the other messages of its group."""
        group = self._groups.setdefault(delivery.group_id, _Group())
        group.waiting.append(delivery)
        group.has_backlog = delivery.has_backlog
        self._held += 1
        self._refresh(delivery.group_id)

    def take(self, *, max_events: int, max_bytes: int) -> list[Delivery]:
        """Take and return the next batch, of at most `max_events` messages and `max_bytes` bytes.

        Groups take turns, and messages of one group stay in order. A message that goes alone (such
        as a barrier, or an event whose run failed or was lost), or one that is larger than
        `max_bytes`, is the only message of its batch.
        """
        batch: list[Delivery] = []
        room = max_bytes
        while self._ready and len(batch) < max_events:
            group = self._groups[self._ready[0]]
            run = group.take(
                max_events=max_events - len(batch), max_bytes=room, may_exceed=not batch
            )
            if not run:
                break
            self._ready.popleft()
            batch += run
            room -= sum(delivery.size for delivery in run)
            if run[-1].goes_alone:
                break
        return batch

    def take_queued_before(self, moment: float) -> list[Delivery]:
        """Take the first message of each ready group that was queued before this Unix time."""
        old: list[Delivery] = []
        for group_id in list(self._ready):
            group = self._groups[group_id]
            if group.waiting[0].queued_at / 1000 < moment:
                old += group.take(max_events=1, max_bytes=0, may_exceed=True)
                self._refresh(group_id)
        return old

    def finish(self, delivery: Delivery) -> None:
        """Note that a taken message took effect or is quarantined. Its delete is pending."""
        group = self._groups[delivery.group_id]
        group.taken.remove(delivery)
        group.unconfirmed += 1
        group.unconfirmed_barrier = group.unconfirmed_barrier or delivery.is_barrier
        self._held -= 1
        self._refresh(delivery.group_id)

    def confirm(self, delivery: Delivery) -> None:
        """Note that SQS has confirmed the delete of a finished message."""
        group = self._groups[delivery.group_id]
        group.unconfirmed -= 1
        if not group.unconfirmed:
            group.unconfirmed_barrier = False
        self._refresh(delivery.group_id)

    def put_back(self, delivery: Delivery) -> None:
        """Let a taken message run again, before the waiting messages of its group."""
        group = self._groups[delivery.group_id]
        group.taken.remove(delivery)
        group.waiting.appendleft(delivery)
        self._refresh(delivery.group_id)

    def forget(self, delivery: Delivery) -> None:
        """Remove a taken message that is parked, lost or given back to SQS."""
        self._groups[delivery.group_id].taken.remove(delivery)
        self._held -= 1
        self._refresh(delivery.group_id)

    def drop_waiting(self, group_id: str) -> list[Delivery]:
        """Remove the waiting messages of a group, and return them in order."""
        group = self._groups.get(group_id)
        if not group:
            return []
        dropped = list(group.waiting)
        group.waiting.clear()
        self._held -= len(dropped)
        self._refresh(group_id)
        return dropped

    def waits_for_deletes(self, group_id: str) -> bool:
        """Return whether the group's next message waits only for pending deletes.

        If the group has a backlog, that message may still be on the queue.
        """
        group = self._groups.get(group_id)
        return bool(group and group.waits_for_deletes)

    def has_backlog(self, group_id: str) -> bool:
        """Return whether SQS most likely has more messages of the group."""
        group = self._groups.get(group_id)
        return bool(group and group.has_backlog)

    @property
    def is_idle(self) -> bool:
        """Return whether no message is taken and no message may run."""
        return not self._ready and not any(group.taken for group in self._groups.values())

    @property
    def group_ids(self) -> list[str]:
        """Return the ids of the groups that have held messages or pending deletes."""
        return list(self._groups)

    @property
    def ready(self) -> int:
        """Return how many groups have a message that may run now."""
        return len(self._ready)

    @property
    def next_run(self) -> int:
        """Return how many messages wait in the group whose turn it is."""
        return len(self._groups[self._ready[0]].waiting) if self._ready else 0

    @property
    def runnable(self) -> int:
        """Return how many messages wait in all groups that may run now."""
        return sum(len(self._groups[group_id].waiting) for group_id in self._ready)

    @property
    def held(self) -> int:
        """Return how many messages are waiting or taken."""
        return self._held

    def __iter__(self) -> Iterator[Delivery]:
        """Yield all messages that are waiting or taken."""
        for group in self._groups.values():
            yield from group.taken
            yield from group.waiting

    def _refresh(self, group_id: str) -> None:
        """Add a group to the end of `_ready` if it may run, and remove it if it may not."""
        group = self._groups[group_id]
        if group.is_empty:
            del self._groups[group_id]
        is_listed = group_id in self._ready
        if group.may_run and not is_listed:
            self._ready.append(group_id)
        elif is_listed and not group.may_run:
            self._ready.remove(group_id)
