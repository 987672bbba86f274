"""A FIFO queue with the rules of AWS, without I/O. The time is passed in and never goes back.

Source: Amazon SQS Developer Guide ("FIFO queue delivery logic", "Visibility timeout", "Setting up
dead-letter queue retention") and Amazon SQS API Reference.
"""

import uuid
from collections import OrderedDict
from dataclasses import replace
from functools import partial
from itertools import islice

from testbed.sqs.attempts import ReceiveAttempts
from testbed.sqs.attributes import MAXIMUM_VISIBILITY_TIMEOUT_SECONDS, QueueAttributes
from testbed.sqs.deduplication import DeduplicationMemory
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

# As on AWS: 20 digits, more than 64 bits, and not consecutive.
_FIRST_SEQUENCE = 18_849_496_460_467_696_128
_SEQUENCE_STEP = 256
_PURGE_INTERVAL_SECONDS = 60


class FifoQueue:
    """The messages of one queue. `greedy` decides how a receive chooses: see `selection`.

    Every second message is stamped by a server whose clock is `seconds_apart` behind. AWS does not
    promise that timestamps rise with sequence numbers.
    """

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
        self._attempts = ReceiveAttempts()
        # On AWS, the numbers of a queue that is created again under its name go on rising.
        self._next_sequence = _FIRST_SEQUENCE + int(now * 1_000) * _SEQUENCE_STEP
        self._purged_at: float | None = None
        self.seconds_apart = 0.0

    def send(self, *, message: NewMessage, now: float) -> Sent:
        """Add a message to its group, unless its deduplication id was sent before."""
        self._catch_up(now=now)
        scope = message.group_id if self.attributes.deduplicates_per_group else None
        first = self._deduplication.find(
            group_id=scope, deduplication_id=message.deduplication_id, now=now
        )
        if first is not None:
            return replace(first, is_duplicate=True)
        sequence = self._take_sequence()
        is_behind = sequence // _SEQUENCE_STEP % 2
        added = Message(
            message_id=str(uuid.uuid4()),
            sequence=sequence,
            body=message.body,
            group_id=message.group_id,
            deduplication_id=message.deduplication_id,
            attributes=message.attributes,
            sent_at=now - is_behind * self.seconds_apart,
        )
        self._add(added)
        sent = Sent(message_id=added.message_id, sequence=added.sequence, is_duplicate=False)
        self._deduplication.remember(
            group_id=scope, deduplication_id=message.deduplication_id, sent=sent, now=now
        )
        return sent

    def receive(
        self,
        *,
        limit: int,
        visibility_timeout: int | None,
        dead_letters: "FifoQueue | None",
        now: float,
        attempt_id: str = "",
    ) -> list[Message]:
        """Receive up to `limit` messages from unlocked groups, and lock those groups.

        A repeated attempt gets the same messages and receipt handles again, with a new visibility
        timeout, unless one of them was deleted or had its visibility timeout changed.

        A message that was received as often as the redrive policy allows is moved to
        `dead_letters`; if that queue does not exist (None), it is received again.
        """
        self._catch_up(now=now)
        lease_end = self._lease_end(visibility_timeout, now)
        if attempt_id and (repeated := self._attempts.repeated(attempt_id, now=now)):
            received = repeated
            for message in received:
                self._leases.hold(message, until=lease_end)
        else:
            take = partial(self._take, lease_end=lease_end, target=dead_letters, now=now)
            received = self._select(groups=self._groups, limit=limit, take=take)
        if attempt_id:
            self._attempts.remember(attempt_id, messages=received, now=now)
        return received

    def receive_again(
        self, *, limit: int, visibility_timeout: int | None, now: float
    ) -> list[Message]:
        """Deliver up to `limit` messages in flight again, oldest first, as a fault of SQS may do.

        They get new receipt handles and a new visibility timeout. A message behind a visible one of
        its group is not delivered: SQS may deliver twice, but keeps the order of a group.
        """
        self._catch_up(now=now)
        again = list(islice(self._groups.leading(self._leases.oldest_first()), limit))
        for message in again:
            self._deliver(message, lease_end=self._lease_end(visibility_timeout, now), now=now)
        return again

    def add_dead_letter(self, *, message: Message, source_arn: str, now: float) -> None:
        """Add a message of another queue, whose redrive policy names this queue.

        The message keeps its ids, attributes and receive count. Its time of sending is reset, as
        AWS documents for FIFO queues. It is never dropped as a duplicate.
        """
        self._catch_up(now=now)
        message.sequence = self._take_sequence()
        message.sent_at = now
        message.receipt_handle = None
        message.source_arn = source_arn
        self._add(message)

    def delete(self, *, receipt_handle: str, now: float) -> Message | None:
        """Delete and return a message; return None if it was deleted before.

        Raises SqsError if the handle is not of this queue or has expired, because the visibility
        timeout is over or the message was received again.
        """
        message = self._find(receipt_handle=receipt_handle, now=now)
        if message is not None:
            self._remove(message)
        return message

    def change_visibility(
        self, *, receipt_handle: str, visibility_timeout: int, now: float
    ) -> Message:
        """Set the visibility timeout to that many seconds from now; 0 makes the message visible.

        Raises SqsError if the handle is not of this queue or has expired, if the message was
        deleted, or if the timeout would end more than 12 hours after the receive.
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
        """Delete all messages, but keep deduplication ids. Raises SqsError if repeated too soon."""
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
        """End the leases of all messages in flight. Return their number."""
        self._catch_up(now=now)
        held = self._leases.oldest_first()
        for message in held:
            self._release(message)
        return len(held)

    def counts(self, *, now: float) -> Counts:
        """Return the numbers of messages now."""
        self._catch_up(now=now)
        in_flight = len(self._leases)
        return Counts(visible=len(self._messages) - in_flight, in_flight=in_flight)

    def has_receivable(self, *, now: float) -> bool:
        """Whether a message can be received."""
        self._catch_up(now=now)
        return self._groups.has_unlocked()

    def message_of(self, *, receipt_handle: str) -> Message | None:
        """Return the message of a handle, expired or not; None if it does not exist."""
        return self._messages.get(self._receipts.sequence(handle=receipt_handle) or 0)

    def next_lease_end(self) -> float | None:
        """Return when the next visibility timeout ends; None if no message is in flight."""
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
            self._deliver(message, lease_end=lease_end, now=now)
        return taken

    def _is_exhausted(self, message: Message) -> bool:
        policy = self.attributes.redrive
        return policy is not None and message.receive_count >= policy.max_receives

    def _deliver(self, message: Message, *, lease_end: float, now: float) -> None:
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
