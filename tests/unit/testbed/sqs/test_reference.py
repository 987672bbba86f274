"""In random schedules, the fast queue behaves like a simple slow one."""

import json
from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from testbed.sqs.attributes import checked_attributes
from testbed.sqs.errors import SqsError
from testbed.sqs.message import Counts, NewMessage
from testbed.sqs.queue import FifoQueue

RETENTION_SECONDS = 600
MAX_RECEIVES = 3
VISIBILITY_TIMEOUT = 30
GROUPS = ("a", "b", "c")


@dataclass(eq=False, kw_only=True)
class SlowMessage:
    """A message, with the end of its visibility timeout."""

    body: str
    group: str
    sent_at: float
    invisible_until: float = 0.0
    received_at: float = 0.0
    receives: int = 0


class SlowQueue:
    """A queue that keeps its messages in a list and scans the whole list at each call."""

    def __init__(self, *, greedy: bool) -> None:
        self.greedy = greedy
        self.messages: list[SlowMessage] = []
        self.dead: list[str] = []
        self.sends: list[tuple[float, str]] = []

    def forget_old(self, now: float) -> None:
        self.messages = [m for m in self.messages if m.sent_at + RETENTION_SECONDS > now]

    def send(self, body: str, group: str, deduplication_id: str, now: float) -> bool:
        if any(sent + 300 > now and known == deduplication_id for sent, known in self.sends):
            return False
        self.sends.append((now, deduplication_id))
        self.messages.append(SlowMessage(body=body, group=group, sent_at=now))
        return True

    def receivable(self, now: float) -> list[SlowMessage]:
        locked = {m.group for m in self.messages if m.invisible_until > now}
        return [m for m in self.messages if m.group not in locked]

    def receive(self, limit: int, timeout: int, now: float) -> list[SlowMessage]:
        waiting = self.receivable(now)
        groups = list(dict.fromkeys(m.group for m in waiting))
        while True:
            chosen = self._choose(waiting, groups, limit)
            exhausted = [m for m in chosen if m.receives >= MAX_RECEIVES]
            if not exhausted:
                break
            for message in exhausted:
                waiting.remove(message)
                self.messages.remove(message)
                self.dead.append(message.body)
        for message in chosen:
            message.receives += 1
            message.received_at = now
            message.invisible_until = now + timeout
        return chosen

    def _choose(
        self, waiting: list[SlowMessage], groups: list[str], limit: int
    ) -> list[SlowMessage]:
        ranked = []
        for rank, group in enumerate(groups):
            for place, message in enumerate(m for m in waiting if m.group == group):
                ranked.append(((rank, place) if self.greedy else (place, rank), rank, message))
        first = sorted(ranked, key=lambda entry: entry[0])[:limit]
        return [message for _, _, message in sorted(first, key=lambda entry: entry[1])]


class Comparison(RuleBasedStateMachine):
    """Performs each action on both queues, and compares the results."""

    greedy: bool

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000_000.0
        self.slow = SlowQueue(greedy=self.greedy)
        self.dead = self.fast_queue()
        self.fast = self.fast_queue()
        self.fast.attributes = checked_attributes(
            {
                "MessageRetentionPeriod": str(RETENTION_SECONDS),
                "VisibilityTimeout": str(VISIBILITY_TIMEOUT),
                "RedrivePolicy": json.dumps(
                    {"deadLetterTargetArn": self.dead.arn, "maxReceiveCount": MAX_RECEIVES}
                ),
            }
        )
        self.sent = 0
        self.handles: list[tuple[str, SlowMessage, int]] = []

    def fast_queue(self) -> FifoQueue:
        return FifoQueue(
            name="q.fifo",
            arn="arn:aws:sqs:us-east-1:123456789012:q.fifo",
            attributes=checked_attributes({}),
            now=self.now,
            greedy=self.greedy,
        )

    @rule(group=st.sampled_from(GROUPS), repeats=st.integers(0, 3))
    def send(self, group: str, repeats: int) -> None:
        self.sent += 1
        body = str(self.sent)
        deduplication_id = str(max(self.sent - repeats * 4, 1))
        message = NewMessage(
            body=body, group_id=group, deduplication_id=deduplication_id, attributes={}
        )
        is_new = not self.fast.send(message=message, now=self.now).is_duplicate
        assert is_new == self.slow.send(body, group, deduplication_id, self.now)

    @rule(limit=st.integers(1, 10), timeout=st.sampled_from([None, 0, 10, 100]))
    def receive(self, limit: int, timeout: int | None) -> None:
        received = self.fast.receive(
            limit=limit, visibility_timeout=timeout, dead_letters=self.dead, now=self.now
        )
        expected = self.slow.receive(
            limit, VISIBILITY_TIMEOUT if timeout is None else timeout, self.now
        )
        assert [m.body for m in received] == [m.body for m in expected]
        for fast, slow in zip(received, expected, strict=True):
            assert fast.receive_count == slow.receives
            assert fast.receipt_handle is not None
            self.handles.append((fast.receipt_handle, slow, slow.receives))

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        handle, slow, receive = self.pick_handle(data)
        if not self.is_usable(slow, receive):
            with pytest.raises(SqsError, match="has expired"):
                self.fast.delete(receipt_handle=handle, now=self.now)
            return
        deleted = self.fast.delete(receipt_handle=handle, now=self.now)
        assert (deleted is not None) == (slow in self.slow.messages)
        self.slow.messages = [m for m in self.slow.messages if m is not slow]

    @rule(data=st.data(), timeout=st.sampled_from([0, 5, 60, 43_000]))
    def change_visibility(self, data: st.DataObject, timeout: int) -> None:
        handle, slow, receive = self.pick_handle(data)
        held = self.now - slow.received_at + timeout
        is_possible = slow in self.slow.messages and held <= 43_200
        try:
            self.fast.change_visibility(
                receipt_handle=handle, visibility_timeout=timeout, now=self.now
            )
        except SqsError:
            assert not (self.is_usable(slow, receive) and is_possible)
        else:
            assert self.is_usable(slow, receive)
            assert is_possible
            slow.invisible_until = self.now + timeout

    @rule(seconds=st.sampled_from([0.5, 10, 29.5, 30, 150, 299, 300]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.slow.forget_old(self.now)

    @rule()
    def expire_leases(self) -> None:
        in_flight = [m for m in self.slow.messages if m.invisible_until > self.now]
        assert self.fast.expire_leases(now=self.now) == len(in_flight)
        for message in in_flight:
            message.invisible_until = 0.0

    @invariant()
    def both_have_the_same_messages(self) -> None:
        in_flight = [m for m in self.slow.messages if m.invisible_until > self.now]
        visible = len(self.slow.messages) - len(in_flight)
        assert self.fast.counts(now=self.now) == Counts(visible=visible, in_flight=len(in_flight))
        assert self.fast.has_receivable(now=self.now) == bool(self.slow.receivable(self.now))
        lease_ends = [m.invisible_until for m in in_flight]
        assert self.fast.next_lease_end() == min(lease_ends, default=None)

    def teardown(self) -> None:
        dead = self.dead.counts(now=0).visible
        assert dead == len(self.slow.dead)

    def pick_handle(self, data: st.DataObject) -> tuple[str, SlowMessage, int]:
        """Return an earlier receipt handle. If there is none, send and receive a message first."""
        if not self.handles:
            self.send(group="d", repeats=0)
            self.receive(limit=10, timeout=None)
        return data.draw(st.sampled_from(self.handles))

    def is_usable(self, slow: SlowMessage, receive: int) -> bool:
        """Return whether the handle is accepted: it has not expired, or its message is deleted."""
        if slow not in self.slow.messages:
            return True
        return slow.receives == receive and slow.invisible_until > self.now


@pytest.mark.parametrize("greedy", [False, True], ids=["spread", "greedy"])
def test_the_fast_queue_behaves_like_the_slow_one(greedy: bool) -> None:
    machine = type("ComparisonOfOneKind", (Comparison,), {"greedy": greedy})
    run_state_machine_as_test(machine, settings=settings(max_examples=60, stateful_step_count=40))
