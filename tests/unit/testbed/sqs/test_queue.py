"""The model of a FIFO queue follows the documented rules of AWS. The test sets the clock."""

import json
from collections.abc import Callable

import pytest

from testbed.sqs.attributes import checked_attributes
from testbed.sqs.errors import SqsError
from testbed.sqs.message import Counts, Message, NewMessage, Sent
from testbed.sqs.queue import FifoQueue

HOUR = 3600


class Desk:
    """A queue with a clock."""

    def __init__(self, *, greedy: bool = False, **attributes: str) -> None:
        self.now = 1_000_000.0
        self.queue = self.another_queue(greedy=greedy, **attributes)
        self.dead_letters: FifoQueue | None = None

    def another_queue(self, *, greedy: bool = False, **attributes: str) -> FifoQueue:
        return FifoQueue(
            name="q.fifo",
            arn="arn:aws:sqs:us-east-1:123456789012:q.fifo",
            attributes=checked_attributes(attributes),
            now=self.now,
            greedy=greedy,
        )

    def send(self, *bodies: str, deduplication_id: str | None = None) -> Sent:
        """Send bodies such as `a1`, whose first letter is the group."""
        for body in bodies:
            message = NewMessage(
                body=body,
                group_id=body[0],
                deduplication_id=deduplication_id or body,
                attributes={},
            )
            sent = self.queue.send(message=message, now=self.now)
        return sent

    def receive(
        self, limit: int = 10, *, timeout: int | None = None, attempt_id: str = ""
    ) -> list[Message]:
        return self.queue.receive(
            limit=limit,
            visibility_timeout=timeout,
            dead_letters=self.dead_letters,
            now=self.now,
            attempt_id=attempt_id,
        )

    def received(self, limit: int = 10, *, timeout: int | None = None) -> list[str]:
        return [message.body for message in self.receive(limit, timeout=timeout)]

    def delete(self, *handles: str | None) -> None:
        for handle in handles:
            self.queue.delete(receipt_handle=handle or "", now=self.now)

    def change(self, handle: str | None, *, timeout: int) -> None:
        self.queue.change_visibility(
            receipt_handle=handle or "", visibility_timeout=timeout, now=self.now
        )

    def counts(self) -> Counts:
        return self.queue.counts(now=self.now)


def refused(action: Callable[[], object]) -> SqsError:
    with pytest.raises(SqsError) as refusal:
        action()
    return refusal.value


def test_messages_of_a_group_come_in_the_order_they_were_sent() -> None:
    desk = Desk()
    desk.send("a1", "a2", "a3")
    assert desk.received() == ["a1", "a2", "a3"]


def test_timestamps_may_fall_while_sequence_numbers_rise() -> None:
    desk = Desk()
    desk.queue.seconds_apart = 2.0
    for body in ("a1", "a2", "a3"):
        desk.send(body)
        desk.now += 1
    messages = desk.receive()
    sequences = [message.sequence for message in messages]
    assert sequences == sorted(sequences)
    times = [message.sent_at for message in messages]
    assert times != sorted(times)


def test_a_group_is_locked_while_one_of_its_messages_is_in_flight() -> None:
    desk = Desk()
    desk.send("a1", "a2", "a3", "b1")
    first, second = desk.receive(limit=2)
    assert (first.body, second.body) == ("a1", "b1")
    assert desk.received() == []
    desk.delete(first.receipt_handle)
    assert desk.received() == ["a2", "a3"]


def test_a_group_stays_locked_until_all_of_its_messages_in_flight_are_settled() -> None:
    desk = Desk(greedy=True)
    desk.send("a1", "a2", "a3")
    first, second = desk.receive(limit=2)
    desk.delete(first.receipt_handle)
    assert desk.received() == []
    desk.change(second.receipt_handle, timeout=0)
    assert desk.received() == ["a2", "a3"]


def test_a_greedy_receive_fills_up_from_the_oldest_group_first() -> None:
    desk = Desk(greedy=True)
    desk.send("a1", "b1", "a2", "b2", "a3", "c1")
    assert desk.received(limit=4) == ["a1", "a2", "a3", "b1"]


def test_a_receive_that_is_not_greedy_takes_from_each_group_in_turn() -> None:
    desk = Desk()
    desk.send("a1", "a2", "a3", "b1", "c1", "c2")
    assert desk.received(limit=3) == ["a1", "b1", "c1"]
    desk.queue.expire_leases(now=desk.now)
    assert desk.received(limit=5) == ["a1", "a2", "b1", "c1", "c2"]


def test_a_message_is_visible_again_when_its_timeout_runs_out_and_not_before() -> None:
    desk = Desk(VisibilityTimeout="30")
    desk.send("a1", "a2")
    (first,) = desk.receive(limit=1)
    assert first.receive_count == 1
    desk.now += 29.9
    assert desk.received() == []
    desk.now += 0.1
    again = desk.receive()
    assert [(message.body, message.receive_count) for message in again] == [("a1", 2), ("a2", 1)]


def test_a_receive_may_set_its_own_visibility_timeout() -> None:
    desk = Desk(VisibilityTimeout="30")
    desk.send("a1")
    desk.receive(timeout=5)
    desk.now += 5
    assert desk.received(timeout=0) == ["a1"]
    assert desk.received() == ["a1"]


def test_the_first_time_of_receipt_is_kept() -> None:
    desk = Desk()
    desk.send("a1")
    desk.receive(timeout=0)
    first_receipt = desk.now
    desk.now += 100
    (again,) = desk.receive()
    assert again.first_received_at == first_receipt
    assert again.sent_at == first_receipt


def test_each_receive_makes_a_new_handle_and_the_old_one_has_expired() -> None:
    desk = Desk()
    desk.send("a1")
    old = desk.receive(timeout=0)[0].receipt_handle
    new = desk.receive()[0].receipt_handle
    assert old != new
    error = refused(lambda: desk.delete(old))
    assert error.code == "InvalidParameterValue"
    assert error.message.endswith("Reason: The receipt handle has expired.")
    assert refused(lambda: desk.change(old, timeout=10)).code == "InvalidParameterValue"
    desk.delete(new)
    assert desk.counts() == Counts(visible=0, in_flight=0)


@pytest.mark.parametrize("how", ["timeout", "release", "fault"])
def test_a_handle_expires_with_the_lease_even_if_nobody_received_again(how: str) -> None:
    desk = Desk(VisibilityTimeout="30")
    desk.send("a1")
    handle = desk.receive()[0].receipt_handle
    if how == "timeout":
        desk.now += 30
    elif how == "release":
        desk.change(handle, timeout=0)
    else:
        assert desk.queue.expire_leases(now=desk.now) == 1
    assert "expired" in refused(lambda: desk.delete(handle)).message
    assert "expired" in refused(lambda: desk.change(handle, timeout=5)).message
    assert desk.received() == ["a1"]


def test_an_unknown_handle_is_invalid_and_one_of_another_queue_is_too() -> None:
    desk = Desk()
    desk.send("a1")
    foreign = desk.receive()[0].receipt_handle
    desk.queue = desk.another_queue()
    assert refused(lambda: desk.delete("garbage")).code == "ReceiptHandleIsInvalid"
    assert refused(lambda: desk.delete(foreign)).code == "ReceiptHandleIsInvalid"


def test_a_second_delete_is_not_an_error_but_a_change_after_it_is() -> None:
    desk = Desk()
    desk.send("a1")
    handle = desk.receive()[0].receipt_handle
    desk.delete(handle, handle)
    error = refused(lambda: desk.change(handle, timeout=5))
    assert (error.code, "does not exist" in error.message) == ("InvalidParameterValue", True)


def test_a_lease_can_be_extended_and_shortened_from_now() -> None:
    desk = Desk(VisibilityTimeout="30")
    desk.send("a1")
    handle = desk.receive()[0].receipt_handle
    desk.now += 20
    desk.change(handle, timeout=30)
    desk.now += 29
    assert desk.received() == []
    desk.change(handle, timeout=2)
    assert desk.queue.next_lease_end() == desk.now + 2
    desk.now += 2
    assert desk.received() == ["a1"]


def test_a_message_is_held_for_twelve_hours_in_total_at_most() -> None:
    desk = Desk()
    desk.send("a1")
    handle = desk.receive(timeout=12 * HOUR)[0].receipt_handle
    desk.now += HOUR
    error = refused(lambda: desk.change(handle, timeout=11 * HOUR + 1))
    assert "beyond the limit [43200 seconds]" in error.message
    desk.change(handle, timeout=11 * HOUR)
    desk.now += 11 * HOUR
    desk.change(desk.receive(timeout=60)[0].receipt_handle, timeout=12 * HOUR)


def test_a_deduplication_id_is_remembered_for_five_minutes_even_after_a_delete() -> None:
    desk = Desk()
    first = desk.send("a1", deduplication_id="same")
    desk.delete(desk.receive()[0].receipt_handle)
    desk.now += 299
    second = desk.send("b2", deduplication_id="same")
    assert second == Sent(message_id=first.message_id, sequence=first.sequence, is_duplicate=True)
    desk.now += 1
    assert not desk.send("b3", deduplication_id="same").is_duplicate
    assert desk.received() == ["b3"]


@pytest.mark.parametrize(("scope", "expected"), [("queue", ["a1"]), ("messageGroup", ["a1", "b1"])])
def test_deduplication_has_the_scope_of_the_attribute(scope: str, expected: list[str]) -> None:
    desk = Desk(DeduplicationScope=scope)
    desk.send("a1", "b1", deduplication_id="same")
    desk.send("a2", deduplication_id="same")
    assert desk.received() == expected


def test_the_sequence_numbers_of_a_queue_that_is_created_again_are_higher() -> None:
    desk = Desk()
    before = [desk.send(f"a{number}").sequence for number in range(100)]

    desk.now += 1
    desk.queue = desk.another_queue()

    assert desk.send("a1").sequence > max(before)


def test_sequence_numbers_have_twenty_digits_and_increase() -> None:
    desk = Desk()
    numbers = [desk.send(body).sequence for body in ("a1", "b1", "a2")]
    assert numbers == sorted(set(numbers))
    assert {len(str(number)) for number in numbers} == {20}


def test_a_message_is_gone_after_the_retention_period_even_in_flight() -> None:
    desk = Desk(MessageRetentionPeriod="60", VisibilityTimeout="300")
    desk.send("a1")
    desk.receive()
    desk.now += 59
    desk.send("a2")
    assert desk.counts() == Counts(visible=1, in_flight=1)
    desk.now += 1
    assert desk.received() == ["a2"]


def test_a_message_that_was_received_too_often_goes_to_the_dead_letter_queue() -> None:
    target = "arn:aws:sqs:us-east-1:123456789012:dead.fifo"
    desk = Desk(
        greedy=True,
        MessageRetentionPeriod="600",
        RedrivePolicy=json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": 2}),
    )
    desk.dead_letters = desk.another_queue(MessageRetentionPeriod="600")
    poison = desk.send("a1")
    desk.send("a2")
    for _ in range(2):
        assert desk.received(limit=1, timeout=0) == ["a1"]
    desk.now += 500
    assert desk.received() == ["a2"]

    desk.queue = desk.dead_letters
    desk.now += 599
    (dead,) = desk.receive()
    assert (dead.body, dead.group_id, dead.deduplication_id) == ("a1", "a", "a1")
    assert dead.message_id == poison.message_id
    assert dead.sent_at == desk.now - 599
    assert dead.receive_count == 3
    assert dead.source_arn is not None
    desk.now += 1
    assert desk.counts() == Counts(visible=0, in_flight=0)


def test_without_its_dead_letter_queue_a_message_is_received_once_more() -> None:
    target = "arn:aws:sqs:us-east-1:123456789012:dead.fifo"
    policy = json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": 1})
    desk = Desk(RedrivePolicy=policy)
    desk.send("a1")
    assert desk.received(timeout=0) == ["a1"]
    assert desk.received() == ["a1"]


def test_a_purge_is_allowed_once_a_minute_and_keeps_deduplication_ids() -> None:
    desk = Desk()
    desk.send("a1", "b1")
    handle = desk.receive(limit=1)[0].receipt_handle
    desk.queue.purge(now=desk.now)
    assert desk.counts() == Counts(visible=0, in_flight=0)
    desk.delete(handle)
    assert desk.send("a1").is_duplicate
    assert refused(lambda: desk.queue.purge(now=desk.now)).code == "PurgeQueueInProgress"
    desk.now += 60
    desk.queue.purge(now=desk.now)


def test_a_duplicate_delivery_returns_messages_in_flight_with_new_handles() -> None:
    desk = Desk()
    desk.send("a1", "b1")
    (first,) = desk.receive(limit=1)
    handle = first.receipt_handle
    again = desk.queue.receive_again(limit=10, visibility_timeout=None, now=desk.now)
    assert [(message.body, message.receive_count) for message in again] == [("a1", 2)]
    assert "expired" in refused(lambda: desk.delete(handle)).message
    desk.delete(again[0].receipt_handle)
    assert desk.received() == ["b1"]


def test_a_duplicate_delivery_keeps_the_order_of_a_group() -> None:
    desk = Desk()
    desk.send("a1", "a2", "b1")
    first, *_ = desk.receive(limit=3)
    desk.queue.change_visibility(
        receipt_handle=str(first.receipt_handle), visibility_timeout=0, now=desk.now
    )
    again = desk.queue.receive_again(limit=10, visibility_timeout=None, now=desk.now)

    assert [message.body for message in again] == ["b1"]


def test_counts_distinguish_visible_messages_from_those_in_flight() -> None:
    desk = Desk()
    desk.send("a1", "a2", "b1")
    desk.receive(limit=2)
    assert desk.counts() == Counts(visible=1, in_flight=2)


def test_a_repeated_attempt_gets_the_same_messages_and_handles_and_a_new_timeout() -> None:
    desk = Desk()
    desk.send("a1", "a2", "b1")
    first = [(one.body, one.receipt_handle) for one in desk.receive(timeout=30, attempt_id="x")]
    desk.now += 20
    again = desk.receive(timeout=30, attempt_id="x")
    assert [(one.body, one.receipt_handle) for one in again] == first
    assert {one.receive_count for one in again} == {1}

    desk.now += 20
    assert desk.received() == []
    desk.now += 10
    assert desk.received() == ["a1", "a2", "b1"]


def test_an_attempt_with_a_changed_message_is_treated_as_a_new_receive() -> None:
    for change in (
        lambda desk, handle: desk.delete(handle),
        lambda desk, handle: desk.change(handle, timeout=50),
    ):
        desk = Desk()
        desk.send("a1", "b1")
        handles = [one.receipt_handle for one in desk.receive(attempt_id="x")]
        change(desk, handles[0])
        assert desk.receive(attempt_id="x") == []


def test_an_attempt_is_forgotten_after_five_minutes() -> None:
    desk = Desk()
    desk.send("a1")
    assert desk.receive(timeout=HOUR, attempt_id="x")
    desk.now += 301
    assert desk.receive(attempt_id="x") == []


def test_another_receive_attempt_gets_messages_that_are_not_in_flight() -> None:
    desk = Desk()
    desk.send("a1")
    assert desk.receive(attempt_id="x")
    desk.send("b1")
    assert [one.body for one in desk.receive(attempt_id="y")] == ["b1"]
