"""A FIFO queue with AWS's rules, and without I/O: the time is passed in and never goes back.

Source: Amazon SQS Developer Guide ("FIFO queue delivery logic", "Visibility timeout", "Setting up
dead-letter queue retention") and Amazon SQS API Reference.
"""

import uuid
from collections import OrderedDict
from functools import partial

from testbed.sqs.attributes import MAXIMUM_VISIBILITY_TIMEOUT_SECONDS, QueueAttributes
from testbed.sqs.deduplication import DeduplicationMemory, FirstSend
from testbed.sqs.errors import (
    SqsError,
    expired_receipt_handle,
    invalid_receipt_handle,
    invalid_value,
)
from testbed.sqs.groups import Group, Groups
from testbed.sqs.leases import Leases
from testbed.sqs.message import Counts, Message, NewMessage, Sent
from testbed.sqs.receipts import ReceiptHandles
from testbed.sqs.selection import from_each_group_in_turn, from_one_group_first

# As on AWS: 20 digits, more than 64 bits hold, and not consecutive.
_FIRST_SEQUENCE = 18_849_496_460_467_696_128
_SEQUENCE_STEP = 256
_PURGE_INTERVAL_SECONDS = 60


class FifoQueue:
    """The messages of one queue. `greedy` says how a receive chooses: see `selection`."""

    def __init__(
        self, *, name: str, arn: str, attributes: QueueAttributes, now: float, greedy: bool
    ) -> None:
        self.name = name
        self.arn = arn
        self.attributes = attributes
        self.created_at = now
        self.modified_at = now
        self._select = from_one_group_first if greedy else from_each_group_in_turn
        self._messages: OrderedDict[int, Message] = OrderedDict()
        self._leases = Leases()
        self._groups = Groups()
        self._deduplication = DeduplicationMemory()
        self._receipts = ReceiptHandles()
        self._next_sequence = _FIRST_SEQUENCE
        self._purged_at: float | None = None

    def send(self, *, message: NewMessage, now: float) -> Sent:
        """Puts it at the end of its group, unless its deduplication id was sent lately."""
        self._catch_up(now=now)
        scope = message.group_id if self.attributes.deduplicates_per_group else None
        first = self._deduplication.find(
            group_id=scope, deduplication_id=message.deduplication_id, now=now
        )
        if first is not None:
            return Sent(message_id=first.message_id, sequence=first.sequence, is_duplicate=True)
        added = Message(
            message_id=str(uuid.uuid4()),
            sequence=self._take_sequence(),
            body=message.body,
            group_id=message.group_id,
            deduplication_id=message.deduplication_id,
            attributes=message.attributes,
            sent_at=now,
        )
        self._add(added)
        self._deduplication.remember(
            group_id=scope,
            deduplication_id=message.deduplication_id,
            send=FirstSend(message_id=added.message_id, sequence=added.sequence, sent_at=now),
        )
        return Sent(message_id=added.message_id, sequence=added.sequence, is_duplicate=False)

    def receive(
        self,
        *,
        limit: int,
        visibility_timeout: int | None,
        dead_letters: "FifoQueue | None",
        now: float,
    ) -> list[Message]:
        """Up to `limit` messages of unlocked groups, which locks these groups.

        What was received as often as the redrive policy allows goes to `dead_letters` instead, or
        is received once more if the policy's queue is not there (None).
        """
        self._catch_up(now=now)
        lease_end = self._lease_end(visibility_timeout, now)
        take = partial(self._take, lease_end=lease_end, target=dead_letters, now=now)
        return self._select(groups=self._groups, limit=limit, take=take)

    def receive_again(
        self, *, limit: int, visibility_timeout: int | None, now: float
    ) -> list[Message]:
        """Up to `limit` messages that are in flight, oldest first: what SQS should never do.

        They get new receipt handles and a new visibility timeout.
        """
        self._catch_up(now=now)
        again = self._leases.oldest_first()[:limit]
        for message in again:
            self._hand_out(message, lease_end=self._lease_end(visibility_timeout, now), now=now)
        return again

    def add_dead_letter(self, *, message: Message, source_arn: str, now: float) -> None:
        """Takes over a message of another queue, whose redrive policy names this one.

        It keeps its ids, attributes and receive count. The time of sending is reset, as AWS
        documents for FIFO queues. Deduplication does not apply, or the message would be lost.
        """
        self._catch_up(now=now)
        message.sequence = self._take_sequence()
        message.sent_at = now
        message.receipt_handle = None
        message.source_arn = source_arn
        self._add(message)

    def delete(self, *, receipt_handle: str, now: float) -> Message | None:
        """Deletes the message; None if it is gone already, which is no error.

        Raises SqsError if the queue never made the handle, or if it has expired: the visibility
        timeout has run out, or the message was received again since.
        """
        message = self._find(receipt_handle=receipt_handle, now=now)
        if message is not None:
            self._remove(message)
        return message

    def change_visibility(
        self, *, receipt_handle: str, visibility_timeout: int, now: float
    ) -> Message:
        """Lets the visibility timeout run out that many seconds from now; 0 releases at once.

        Raises SqsError as `delete` does, if the message is gone, and for more than 12 hours from
        the receive.
        """
        message = self._find(receipt_handle=receipt_handle, now=now)
        if message is None:
            raise invalid_value(
                name="ReceiptHandle",
                value=receipt_handle,
                reason="Message does not exist or is not available for visibility timeout change.",
            )
        if now - message.received_at + visibility_timeout > MAXIMUM_VISIBILITY_TIMEOUT_SECONDS:
            raise invalid_value(
                name="VisibilityTimeout",
                value=visibility_timeout,
                reason="Total VisibilityTimeout for the message is beyond the limit"
                f" [{MAXIMUM_VISIBILITY_TIMEOUT_SECONDS} seconds]",
            )
        if visibility_timeout == 0:
            self._release(message)
        else:
            self._leases.hold(message, until=now + visibility_timeout)
        return message

    def purge(self, *, now: float) -> None:
        """Deletes all messages, at most once in 60 seconds; deduplication ids stay known."""
        if self._purged_at is not None and now < self._purged_at + _PURGE_INTERVAL_SECONDS:
            raise SqsError(
                code="PurgeQueueInProgress",
                message=f"Only one PurgeQueue operation on {self.name} is allowed every"
                f" {_PURGE_INTERVAL_SECONDS} seconds.",
            )
        self._purged_at = now
        self._messages.clear()
        self._leases = Leases()
        self._groups = Groups()

    def expire_leases(self, *, now: float) -> int:
        """Ends the visibility timeouts of all messages in flight; returns how many."""
        self._catch_up(now=now)
        held = self._leases.oldest_first()
        for message in held:
            self._release(message)
        return len(held)

    def counts(self, *, now: float) -> Counts:
        """How many messages there are now."""
        self._catch_up(now=now)
        in_flight = len(self._leases)
        return Counts(visible=len(self._messages) - in_flight, in_flight=in_flight)

    def has_receivable(self, *, now: float) -> bool:
        """Whether a group with messages is unlocked."""
        self._catch_up(now=now)
        return self._groups.has_unlocked()

    def message_of(self, *, receipt_handle: str) -> Message | None:
        """The message that a handle was made for, expired or not; None if there is none."""
        return self._messages.get(self._receipts.sequence(handle=receipt_handle) or 0)

    def next_lease_end(self) -> float | None:
        """When the next visibility timeout runs out; None if no message is in flight."""
        return self._leases.next_end()

    def _lease_end(self, requested: int | None, now: float) -> float:
        return now + (self.attributes.visibility_timeout if requested is None else requested)

    def _take_sequence(self) -> int:
        self._next_sequence += _SEQUENCE_STEP
        return self._next_sequence

    def _catch_up(self, *, now: float) -> None:
        while (overdue := self._leases.overdue(now=now)) is not None:
            self._release(overdue)
        retention = self.attributes.retention_seconds
        while self._messages:
            oldest = next(iter(self._messages.values()))
            if oldest.sent_at + retention > now:
                break
            self._remove(oldest)

    def _find(self, *, receipt_handle: str, now: float) -> Message | None:
        self._catch_up(now=now)
        sequence = self._receipts.sequence(handle=receipt_handle)
        if sequence is None:
            raise invalid_receipt_handle(handle=receipt_handle)
        message = self._messages.get(sequence)
        if message is not None and (
            message.receipt_handle != receipt_handle or not message.is_in_flight
        ):
            raise expired_receipt_handle(handle=receipt_handle)
        return message

    def _take(
        self,
        group: Group,
        *,
        skip: int,
        count: int,
        lease_end: float,
        target: "FifoQueue | None",
        now: float,
    ) -> list[Message]:
        taken = group.following(skip=skip, count=count)
        while target is not None and (exhausted := list(filter(self._is_exhausted, taken))):
            for message in exhausted:
                self._remove(message)
                target.add_dead_letter(message=message, source_arn=self.arn, now=now)
            taken = group.following(skip=skip, count=count)
        for message in taken:
            self._hand_out(message, lease_end=lease_end, now=now)
        return taken

    def _is_exhausted(self, message: Message) -> bool:
        policy = self.attributes.redrive
        return policy is not None and message.receive_count >= policy.max_receives

    def _hand_out(self, message: Message, *, lease_end: float, now: float) -> None:
        message.receipt_handle = self._receipts.make(sequence=message.sequence)
        message.receive_count += 1
        message.received_at = now
        if message.first_received_at is None:
            message.first_received_at = now
        if not message.is_in_flight:
            self._groups.lock(message)
        self._leases.hold(message, until=lease_end)

    def _add(self, message: Message) -> None:
        self._messages[message.sequence] = message
        self._groups.add(message)

    def _release(self, message: Message) -> None:
        self._leases.end(message)
        self._groups.unlock(message)

    def _remove(self, message: Message) -> None:
        if message.is_in_flight:
            self._release(message)
        del self._messages[message.sequence]
        self._groups.remove(message)
