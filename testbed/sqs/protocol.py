"""The actions of SQS in its JSON protocol, from request to answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from testbed.server.clock import Clock
from testbed.sqs.account import Account
from testbed.sqs.calls import LoggedEntry
from testbed.sqs.errors import SqsError, not_modelled
from testbed.sqs.message_actions import MessageActions
from testbed.sqs.polls import LongPolls
from testbed.sqs.queue import FifoQueue
from testbed.sqs.queue_actions import QueueActions, queue_name
from testbed.sqs.validation import check_batch, check_batch_size

_BATCH = "Batch"
_BATCHES = ("ChangeMessageVisibilityBatch", "DeleteMessageBatch", "SendMessageBatch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The body of an answer, and the log entries of the messages."""

    body: Mapping[str, Any]
    entries: Sequence[LoggedEntry] = ()


class SqsProtocol:
    """Performs actions. Raises SqsError if SQS answers with an error."""

    def __init__(self, *, account: Account, clock: Clock, polls: LongPolls) -> None:
        self._account = account
        self._clock = clock
        self._polls = polls
        self._on_queues = QueueActions(account=account, clock=clock, polls=polls).handlers
        self._messages = MessageActions(account=account, clock=clock, polls=polls)

    async def perform(
        self,
        *,
        action: str,
        request: Mapping[str, Any],
        base_url: str,
        again: bool = False,
        entry_error: SqsError | None = None,
    ) -> Answer:
        """Perform an action. Addresses of queues in the answer begin with `base_url`.

        With `again`, a receive delivers messages that are in flight. With `entry_error`, a batch
        has no effect, and the answer has this error for each entry.
        """
        if action in self._on_queues:
            return Answer(body=self._on_queues[action](request, base_url))
        if action not in {*self._messages.handlers, *_BATCHES, "ReceiveMessage"}:
            raise not_modelled(what=f"action {action}")
        queue = self._account.find(name=queue_name(request) or "", now=self._clock.now())
        if action == "ReceiveMessage":
            body, entries = await self._messages.receive(queue=queue, request=request, again=again)
            return Answer(body=body, entries=entries)
        if action in _BATCHES:
            answer = self._perform_batch(
                action=action, queue=queue, request=request, entry_error=entry_error
            )
        else:
            body, entry = self._messages.handlers[action](queue, request)
            answer = Answer(body=body, entries=[entry])
        self._polls.wake(queue)
        return answer

    def _perform_batch(
        self,
        *,
        action: str,
        queue: FifoQueue,
        request: Mapping[str, Any],
        entry_error: SqsError | None,
    ) -> Answer:
        entries: list[Mapping[str, Any]] = request.get("Entries") or []
        check_batch(action=action, entries=entries)
        if action == "SendMessageBatch":
            check_batch_size(entries)
        handler = self._messages.handlers[action.removesuffix(_BATCH)]
        successful: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        logged: list[LoggedEntry] = []
        for entry in entries:
            try:
                if entry_error is not None:
                    raise entry_error
                body, log_entry = handler(queue, entry)
            except SqsError as error:
                failed.append(_failed_entry(entry_id=entry["Id"], error=error))
                logged.append(_logged_failure(queue=queue, entry=entry, error=error))
            else:
                successful.append({"Id": entry["Id"], **body})
                logged.append(log_entry)
        body = {"Successful": successful, **({"Failed": failed} if failed else {})}
        return Answer(body=body, entries=logged)


def _failed_entry(*, entry_id: str, error: SqsError) -> dict[str, Any]:
    return {
        "Id": entry_id,
        "SenderFault": error.is_sender_fault,
        "Code": error.query_code,
        "Message": error.message,
    }


def _logged_failure(*, queue: FifoQueue, entry: Mapping[str, Any], error: SqsError) -> LoggedEntry:
    message = queue.message_of(receipt_handle=entry.get("ReceiptHandle", ""))
    if message is None:
        return LoggedEntry(None, entry.get("MessageGroupId"), None, error.code)
    return LoggedEntry(message.message_id, message.group_id, message.sequence, error.code)
