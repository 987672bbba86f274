"""The actions on messages: SendMessage, ReceiveMessage, DeleteMessage, ChangeMessageVisibility.

Send, delete and change visibility each process one message; `testbed.sqs.protocol` builds the
batch actions from these three.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from testbed.server.clock import Clock
from testbed.sqs.account import Account
from testbed.sqs.calls import LoggedEntry
from testbed.sqs.errors import missing_parameter
from testbed.sqs.message import Message, attributes_digest, body_digest
from testbed.sqs.polls import LongPolls
from testbed.sqs.presentation import shown_message, wanted_system_attributes
from testbed.sqs.queue import FifoQueue
from testbed.sqs.validation import (
    checked_limit,
    checked_message,
    checked_visibility_timeout,
    checked_wait,
)

Request = Mapping[str, Any]
Result = tuple[dict[str, Any], LoggedEntry]


class MessageActions:
    """Translates requests into calls of a queue, and the results into answers and log entries."""

    def __init__(self, *, account: Account, clock: Clock, polls: LongPolls) -> None:
        self._account = account
        self._clock = clock
        self._polls = polls
        self.handlers: Mapping[str, Callable[[FifoQueue, Request], Result]] = {
            "ChangeMessageVisibility": self._change_visibility,
            "DeleteMessage": self._delete,
            "SendMessage": self._send,
        }

    async def receive(
        self, *, queue: FifoQueue, request: Request, again: bool
    ) -> tuple[dict[str, Any], list[LoggedEntry]]:
        """Return messages as soon as there are any, or none after the long poll.

        A poll continues even if its caller has closed the connection. It then receives messages
        that are visible again only after their visibility timeout, as may happen on SQS. With
        `again`, messages in flight are delivered again.
        """
        limit = checked_limit(request)
        wait = checked_wait(request=request, queue=queue.attributes)
        wait_end = time.monotonic() + min(wait, self._polls.longest)
        system_attributes = wanted_system_attributes(request)
        timeout = checked_visibility_timeout(request)
        take = partial(
            self._take, queue, limit, timeout, request.get("ReceiveRequestAttemptId") or ""
        )
        messages = (
            queue.receive_again(limit=limit, visibility_timeout=timeout, now=self._clock.now())
            if again
            else take()
        )
        while not messages and (seconds := wait_end - time.monotonic()) > 0:
            await self._polls.wait(queue=queue, seconds=seconds)
            self._account.find(name=queue.name, now=self._clock.now())
            messages = take()
        patterns = request.get("MessageAttributeNames") or ()
        shown = [
            shown_message(
                message=message, system_attributes=system_attributes, attribute_patterns=patterns
            )
            for message in messages
        ]
        result = "received again" if again else "received"
        entries = [_logged(message, result=result) for message in messages]
        return ({"Messages": shown} if shown else {}), entries

    def _take(
        self, queue: FifoQueue, limit: int, timeout: int | None, attempt_id: str
    ) -> list[Message]:
        dead_letters = self._account.dead_letter_queue(queue=queue)
        messages = queue.receive(
            limit=limit,
            visibility_timeout=timeout,
            dead_letters=dead_letters,
            now=self._clock.now(),
            attempt_id=attempt_id,
        )
        self._polls.wake(queue)
        if dead_letters is not None:
            self._polls.wake(dead_letters)
        return messages

    def _send(self, queue: FifoQueue, request: Request) -> Result:
        message = checked_message(request=request, queue=queue.attributes)
        sent = queue.send(message=message, now=self._clock.now())
        answer = {
            "MessageId": sent.message_id,
            "MD5OfMessageBody": body_digest(message.body),
            "SequenceNumber": str(sent.sequence),
        }
        if message.attributes:
            answer["MD5OfMessageAttributes"] = attributes_digest(message.attributes)
        return answer, LoggedEntry(
            sent.message_id,
            message.group_id,
            sent.sequence,
            "duplicate" if sent.is_duplicate else "sent",
        )

    def _delete(self, queue: FifoQueue, request: Request) -> Result:
        deleted = queue.delete(receipt_handle=_receipt_handle(request), now=self._clock.now())
        if deleted is None:
            return {}, LoggedEntry(None, None, None, "already deleted")
        return {}, _logged(deleted, result="deleted")

    def _change_visibility(self, queue: FifoQueue, request: Request) -> Result:
        timeout = checked_visibility_timeout(request)
        if timeout is None:
            raise missing_parameter(name="VisibilityTimeout")
        changed = queue.change_visibility(
            receipt_handle=_receipt_handle(request),
            visibility_timeout=timeout,
            now=self._clock.now(),
        )
        return {}, _logged(changed, result="changed")


def _receipt_handle(request: Request) -> str:
    handle = request.get("ReceiptHandle")
    if not handle:
        raise missing_parameter(name="ReceiptHandle")
    return str(handle)


def _logged(message: Message, *, result: str) -> LoggedEntry:
    return LoggedEntry(message.message_id, message.group_id, message.sequence, result)
