"""Which messages may run now. No input or output: only who waits for whom.

SQS fills a batch from one group first, so messages of one group arrive together, and must take
effect one after the other. The gate hands out runs of groups of which nothing is running; around a
barrier it also waits until what ran before is confirmed as deleted: a kill in between makes SQS
deliver again what took effect already, and a barrier must not act on what came after it.
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
        """The first messages, up to one that goes alone; `may_exceed` lets that or any be first."""
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
    """Holds what was received and hands out what may run, in each group's order.

    A delivery is *waiting* from `admit` until `take`, and *taken* from then until `finish` (it took
    effect or is quarantined), `put_back` or `forget`. While anything of a group is taken, `take`
    hands out nothing else of it.
    """

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}
        self._ready: deque[str] = deque()
        self._held = 0

    def admit(self, delivery: Delivery) -> None:
        """Let a received message queue up behind those of its group."""
        group = self._groups.setdefault(delivery.group_id, _Group())
        group.waiting.append(delivery)
        group.has_backlog = delivery.has_backlog
        self._held += 1
        self._refresh(delivery.group_id)

    def take(self, *, max_events: int, max_bytes: int) -> list[Delivery]:
        """The next batch that may run: at most `most` messages of together `largest` bytes.

        Groups take turns; messages of one group stay in order. A message that goes alone (a
        barrier, one that failed before, one larger than that) is a batch of its own.
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
        """The head of each group that may run, if it was queued before `moment` (Unix time)."""
        old: list[Delivery] = []
        for group_id in list(self._ready):
            group = self._groups[group_id]
            if group.waiting[0].queued_at / 1000 < moment:
                old += group.take(max_events=1, max_bytes=0, may_exceed=True)
                self._refresh(group_id)
        return old

    def finish(self, delivery: Delivery) -> None:
        """It took effect (or is quarantined); its delete is still to be confirmed."""
        group = self._groups[delivery.group_id]
        group.taken.remove(delivery)
        group.unconfirmed += 1
        group.unconfirmed_barrier = group.unconfirmed_barrier or delivery.is_barrier
        self._held -= 1
        self._refresh(delivery.group_id)

    def confirm(self, delivery: Delivery) -> None:
        """SQS has confirmed the delete of a finished message."""
        group = self._groups[delivery.group_id]
        group.unconfirmed -= 1
        if not group.unconfirmed:
            group.unconfirmed_barrier = False
        self._refresh(delivery.group_id)

    def put_back(self, delivery: Delivery) -> None:
        """It shall run again, before all others of its group that wait."""
        group = self._groups[delivery.group_id]
        group.taken.remove(delivery)
        group.waiting.appendleft(delivery)
        self._refresh(delivery.group_id)

    def forget(self, delivery: Delivery) -> None:
        """A taken message is given back to SQS or lost: it is not ours any more."""
        self._groups[delivery.group_id].taken.remove(delivery)
        self._held -= 1
        self._refresh(delivery.group_id)

    def drop_waiting(self, group_id: str) -> list[Delivery]:
        """Forget what waits in a group, and give it, in order."""
        group = self._groups.get(group_id)
        if not group:
            return []
        dropped = list(group.waiting)
        group.waiting.clear()
        self._held -= len(dropped)
        self._refresh(group_id)
        return dropped

    def waits_for_deletes(self, group_id: str) -> bool:
        """Whether the group's next message only waits for deletes: they should not linger.

        Where it has a backlog, the next may still be on the queue.
        """
        group = self._groups.get(group_id)
        return bool(group and group.waits_for_deletes)

    def has_backlog(self, group_id: str) -> bool:
        """Whether SQS most likely has more of the group than is held here."""
        group = self._groups.get(group_id)
        return bool(group and group.has_backlog)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is taken, and nothing could be."""
        return not self._ready and not any(group.taken for group in self._groups.values())

    @property
    def group_ids(self) -> list[str]:
        """The groups of which something is held or not yet confirmed as deleted."""
        return list(self._groups)

    @property
    def ready(self) -> int:
        """How many groups have a message that may run now."""
        return len(self._ready)

    @property
    def next_run(self) -> int:
        """How many messages wait in the group whose turn it is."""
        return len(self._groups[self._ready[0]].waiting) if self._ready else 0

    @property
    def runnable(self) -> int:
        """How many messages could be taken now, were there room for all."""
        return sum(len(self._groups[group_id].waiting) for group_id in self._ready)

    @property
    def held(self) -> int:
        """How many messages are waiting or taken."""
        return self._held

    def __iter__(self) -> Iterator[Delivery]:
        """All that is waiting or taken."""
        for group in self._groups.values():
            yield from group.taken
            yield from group.waiting

    def _refresh(self, group_id: str) -> None:
        """Keep `_ready` to exactly the groups that may run, each once, in order of turn."""
        group = self._groups[group_id]
        if group.is_empty:
            del self._groups[group_id]
        listed = group_id in self._ready
        if group.may_run and not listed:
            self._ready.append(group_id)
        elif listed and not group.may_run:
            self._ready.remove(group_id)
