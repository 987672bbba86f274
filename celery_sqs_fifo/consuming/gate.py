"""Decide which messages may run now. No input or output.

SQS fills a receive from one group first, so messages of one group arrive together. They must take
effect one after the other, so the gate hands out no messages of a group while a batch with its
messages runs. Before and after a barrier it also waits until SQS has confirmed the deletes of all
earlier messages. Without this wait, a killed worker could leave a barrier on the queue that has
already taken effect. SQS would deliver it again, and it would act on the effects of later messages.

Groups whose next run may fail or take long are suspects. They have turns of their own, so that the
other groups do not wait for them.
"""

from collections import deque
from collections.abc import Callable, Iterator

from celery_sqs_fifo.consuming.turns import Turns
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
    effect or is quarantined), `put_back` or `forget`. While a message of a group is taken, `take`
    hands out no others of that group. `is_suspect` is called with the first waiting delivery of a
    group when the group becomes able to run.
    """

    def __init__(self, *, is_suspect: Callable[[Delivery], bool] = lambda _delivery: False) -> None:
        self._is_suspect = is_suspect
        self._groups: dict[str, _Group] = {}
        # Of the groups that may run, `_suspects` has the suspects, and `_ready` has the others in
        # the order of their turns. The keys of a dict are found and removed in constant time.
        self._ready: dict[str, None] = {}
        self._suspects = Turns()
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
        `max_bytes`, is the only message of its batch. Suspects are left out.
        """
        batch: list[Delivery] = []
        room = max_bytes
        while self._ready and len(batch) < max_events:
            group_id = next(iter(self._ready))
            group = self._groups[group_id]
            run = group.take(
                max_events=max_events - len(batch), max_bytes=room, may_exceed=not batch
            )
            if not run:
                break
            del self._ready[group_id]
            batch += run
            room -= sum(delivery.size for delivery in run)
            if run[-1].goes_alone:
                break
        return batch

    def take_suspect(self, *, max_events: int, max_bytes: int) -> list[Delivery]:
        """Take and return a batch of the suspect whose turn it is, and of no other group."""
        if not self._suspects:
            return []
        group_id = self._suspects.next
        batch = self._groups[group_id].take(
            max_events=max_events, max_bytes=max_bytes, may_exceed=True
        )
        self._refresh(group_id)
        return batch

    def take_queued_before(self, moment: float) -> list[Delivery]:
        """Take the first message of each ready group that was queued before this Unix time."""
        old: list[Delivery] = []
        for group_id in [*self._ready, *self._suspects]:
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

    def drop_followers(self, group_id: str) -> list[Delivery]:
        """Remove the waiting messages of a group after the first one, and return them in order."""
        first, *followers = self._groups[group_id].waiting
        self._groups[group_id].waiting = deque([first])
        self._held -= len(followers)
        return followers

    def sort_ready(self) -> None:
        """Ask again which of the groups that may run are suspects."""
        group_ids = [*self._ready, *self._suspects]
        self._ready.clear()
        self._suspects = Turns()
        for group_id in group_ids:
            self._refresh(group_id)

    def waiting(self, group_id: str) -> list[Delivery]:
        """Return the waiting messages of a group, in order."""
        group = self._groups.get(group_id)
        return list(group.waiting) if group else []

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
        may_run = self._ready or self._suspects
        return not may_run and not any(group.taken for group in self._groups.values())

    @property
    def group_ids(self) -> list[str]:
        """Return the ids of the groups that have held messages or pending deletes."""
        return list(self._groups)

    @property
    def ready(self) -> int:
        """Return how many groups, not counting suspects, have a message that may run now."""
        return len(self._ready)

    @property
    def suspects(self) -> int:
        """Return how many suspects have a message that may run now."""
        return len(self._suspects)

    @property
    def waiting_of_suspects(self) -> int:
        """Return how many messages wait in the suspects that may run now."""
        return sum(len(self._groups[group_id].waiting) for group_id in self._suspects)

    @property
    def newest_suspect(self) -> str:
        """Return the newest group of the scope that has the most suspects."""
        return self._suspects.most_crowded

    @property
    def next_run(self) -> int:
        """Return how many messages wait in the group whose turn it is."""
        return len(self._groups[next(iter(self._ready))].waiting) if self._ready else 0

    @property
    def runnable(self) -> int:
        """Return how many messages wait in the groups that may run now, not counting suspects."""
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
        """Add the group to the end of its list if it may run; remove it if it may not."""
        group = self._groups[group_id]
        if group.is_empty:
            del self._groups[group_id]
        may_run = group.may_run
        if group_id in self._ready:
            if not may_run:
                del self._ready[group_id]
        elif group_id in self._suspects:
            if not may_run:
                self._suspects.remove(group_id)
        elif may_run and self._is_suspect(group.waiting[0]):
            self._suspects.add(group_id, scope=group.waiting[0].scope)
        elif may_run:
            self._ready[group_id] = None
