"""A simple model of the gate: a list for each group, without cached results.

In `test_gate`, Hypothesis runs random schedules on the gate and on this model.
"""

from dataclasses import dataclass, field
from itertools import chain, count

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from celery_sqs_fifo.consuming.gate import Gate
from celery_sqs_fifo.delivery import Delivery
from tests.support.fake_calls import delivery, names

GROUPS = ("a", "b", "c", "d", "e")
group_ids = st.sampled_from(GROUPS)


@dataclass
class GroupModel:
    """One group. `ready_since` is the number of the step that made it ready, or None."""

    waiting: list[Delivery] = field(default_factory=list)
    taken: list[Delivery] = field(default_factory=list)
    unconfirmed: list[Delivery] = field(default_factory=list)
    ready_since: int | None = None
    is_suspect: bool = False

    @property
    def waits_for_deletes(self) -> bool:
        if not self.waiting or self.taken:
            return False
        after_a_barrier = any(one.is_barrier for one in self.unconfirmed)
        return after_a_barrier or (self.waiting[0].is_barrier and bool(self.unconfirmed))

    @property
    def is_ready(self) -> bool:
        return bool(self.waiting) and not self.taken and not self.waits_for_deletes


class GateAgainstModel(RuleBasedStateMachine):
    """Random sequences of all calls of the gate. After each step, gate and model must agree."""

    def __init__(self) -> None:
        super().__init__()
        self.suspects: set[str] = set()
        self.gate = Gate(is_suspect=lambda one: one.group_id in self.suspects)
        self.groups = {name: GroupModel() for name in GROUPS}
        self.steps = count(1)
        self.names = count(1)

    @rule(
        group=group_ids,
        size=st.sampled_from([1, 20, 40, 150]),
        kind=st.sampled_from(["event", "event", "event", "barrier", "pointer"]),
    )
    def admit(self, group: str, size: int, kind: str) -> None:
        one = delivery(
            f"{group}{next(self.names)}",
            group=group,
            body="x" * size,
            is_barrier=kind == "barrier",
            is_celery=kind == "pointer",
        )
        self.gate.admit(one)
        self.groups[group].waiting.append(one)
        self._note_turns()

    @rule(max_events=st.integers(1, 10), max_bytes=st.sampled_from([30, 100, 1_000]))
    def take(self, max_events: int, max_bytes: int) -> None:
        ready = self._ready_groups()
        batch = self.gate.take(max_events=max_events, max_bytes=max_bytes)
        self._check_bounds(batch, max_events=max_events, max_bytes=max_bytes)
        self._check_order_and_turns(batch, ready)
        for one in batch:
            group = self.groups[one.group_id]
            group.waiting.remove(one)
            group.taken.append(one)
        if ready:
            assert batch
            self._check_nothing_more_would_have_fitted(
                batch, ready, max_events=max_events, max_bytes=max_bytes
            )
        self._note_turns()

    @rule(name=group_ids)
    def a_group_becomes_or_ceases_to_be_a_suspect(self, name: str) -> None:
        self.suspects ^= {name}
        self.gate.sort_ready()
        self.groups[name].is_suspect = name in self.suspects
        self._note_turns()

    @rule(max_events=st.integers(1, 10), max_bytes=st.sampled_from([30, 1_000]))
    def take_suspect(self, max_events: int, max_bytes: int) -> None:
        ready = self._ready_groups(are_suspects=True)
        batch = self.gate.take_suspect(max_events=max_events, max_bytes=max_bytes)
        self._check_bounds(batch, max_events=max_events, max_bytes=max_bytes)
        assert bool(batch) is bool(ready)
        assert len({one.group_id for one in batch}) <= 1
        for one in batch:
            group = self.groups[one.group_id]
            assert group in ready
            assert group.waiting.pop(0) is one
            group.taken.append(one)
        self._note_turns()

    @precondition(lambda self: self._ready_groups(are_suspects=True))
    @rule(data=st.data())
    def drop_followers(self, data: st.DataObject) -> None:
        group = data.draw(st.sampled_from(self._ready_groups(are_suspects=True)), label="group")
        first, *followers = group.waiting
        assert self.gate.drop_followers(first.group_id) == followers
        group.waiting = [first]

    @precondition(lambda self: self._all("taken"))
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self._all("taken")), label="finished")
        self.gate.finish(one)
        self.groups[one.group_id].taken.remove(one)
        self.groups[one.group_id].unconfirmed.append(one)
        self._note_turns()

    @precondition(lambda self: self._all("unconfirmed"))
    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self._all("unconfirmed")), label="confirmed")
        self.gate.confirm(one)
        self.groups[one.group_id].unconfirmed.remove(one)
        self._note_turns()

    @precondition(lambda self: self._all("taken"))
    @rule(group=group_ids, was_lost=st.booleans())
    def put_back_all(self, group: str, was_lost: bool) -> None:
        model = self.groups[group]
        while model.taken:
            one = model.taken.pop()
            one.was_lost = one.was_lost or was_lost
            self.gate.put_back(one)
            model.waiting.insert(0, one)
        self._note_turns()

    @precondition(lambda self: self._all("taken"))
    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self._all("taken")), label="forgotten")
        self.gate.forget(one)
        self.groups[one.group_id].taken.remove(one)
        self._note_turns()

    @rule(group=group_ids)
    def drop_waiting(self, group: str) -> None:
        dropped, self.groups[group].waiting = self.groups[group].waiting, []
        assert self.gate.drop_waiting(group) == dropped
        self._note_turns()

    @invariant()
    def nothing_is_forgotten(self) -> None:
        held = {*self._all("waiting"), *self._all("taken")}
        iterated = list(self.gate)
        assert len(iterated) == len(held) == self.gate.held
        assert set(iterated) == held
        assert set(self.gate.group_ids) == {
            name
            for name, group in self.groups.items()
            if group.waiting or group.taken or group.unconfirmed
        }

    @invariant()
    def both_agree_on_who_may_run(self) -> None:
        ready = self._ready_groups()
        suspects = self._ready_groups(are_suspects=True)
        assert (self.gate.ready, self.gate.suspects) == (len(ready), len(suspects))
        assert self.gate.waiting_of_suspects == sum(len(group.waiting) for group in suspects)
        assert self.gate.runnable == sum(len(group.waiting) for group in ready)
        for name, group in self.groups.items():
            assert self.gate.waits_for_deletes(name) == group.waits_for_deletes

    def _all(self, state: str) -> list[Delivery]:
        return list(chain.from_iterable(getattr(group, state) for group in self.groups.values()))

    def _ready_groups(self, *, are_suspects: bool = False) -> list[GroupModel]:
        """Return the groups that may run. The one that has been ready for longest is the first."""
        ready = [
            group
            for group in self.groups.values()
            if group.is_ready and group.is_suspect is are_suspects
        ]
        return sorted(ready, key=lambda group: group.ready_since or 0)

    def _note_turns(self) -> None:
        step = next(self.steps)
        for group in self.groups.values():
            if not group.is_ready or group.is_suspect:
                group.ready_since = None
            elif group.ready_since is None:
                group.ready_since = step

    def _check_bounds(self, batch: list[Delivery], *, max_events: int, max_bytes: int) -> None:
        assert len(batch) <= max_events
        assert len(batch) <= 1 or sum(one.size for one in batch) <= max_bytes
        assert len(batch) <= 1 or not any(one.goes_alone for one in batch)

    def _check_order_and_turns(self, batch: list[Delivery], ready: list[GroupModel]) -> None:
        """Check that the batch has the first messages of the first ready groups, in turn."""
        rest = list(batch)
        for group in ready:
            run = [one for one in rest if one in group.waiting]
            assert run == group.waiting[: len(run)] == rest[: len(run)], names(batch)
            rest = rest[len(run) :]
        assert not rest, names(rest)

    def _check_nothing_more_would_have_fitted(
        self, batch: list[Delivery], ready: list[GroupModel], *, max_events: int, max_bytes: int
    ) -> None:
        if len(batch) == max_events or batch[-1].goes_alone:
            return
        room = max_bytes - sum(one.size for one in batch)
        last = next(group for group in ready if batch[-1] in group.taken)
        in_line = ([last] if last.waiting else []) + ready[ready.index(last) + 1 :]
        for group in in_line[:2]:
            assert group.waiting[0].goes_alone or group.waiting[0].size > room
            if group is not last:
                break
