"""Producers: planned events on the queue."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from testbed.traffic.events import PlannedEvent, SentEvent

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# SendMessageBatch takes at most ten messages, and 1 MiB with their attributes.
MAX_BATCH = 10
_MAX_BATCH_BYTES = 900_000
_LOOK_AGAIN_SECONDS = 0.1


class Refused(RuntimeError):
    """SQS did not take an event, or took a later one of its group instead."""


class EventQueue:
    """The queue that events are sent to.

    With `retry_seconds`, a call that fails is made again after that time, until SQS has taken its
    events; without, it raises what boto3 raises.
    """

    def __init__(self, *, sqs: "SQSClient", url: str, retry_seconds: float | None = None) -> None:
        self._sqs = sqs
        self._url = url
        self._retry_seconds = retry_seconds

    def depth(self) -> int:
        """Return how many messages wait or are in flight."""
        return depth(self._sqs, self._url)

    def publish(
        self,
        events: Sequence[PlannedEvent],
        *,
        max_backlog: int,
        on_progress: Callable[[list[SentEvent], int], None] = lambda _sent, _backlog: None,
    ) -> list[SentEvent]:
        """Send all events in their order, no faster than the worker takes them.

        `on_progress` is called at each look at the queue, with what was sent and the backlog; what
        it raises ends the publishing.
        """
        sent: list[SentEvent] = []
        pending = deque(events)
        while pending:
            backlog = self.depth()
            on_progress(sent, backlog)
            batches = (max_backlog - backlog) // MAX_BATCH
            if batches <= 0:
                time.sleep(_LOOK_AGAIN_SECONDS)
            for _ in range(batches):
                sent += self.send(take_batch(pending))
        return sent

    def send(self, batch: Sequence[PlannedEvent]) -> list[SentEvent]:
        """Send a batch; its deduplication ids make trying again harmless.

        Raises Refused if SQS does not take an event and it is not to be tried again, or if SQS
        takes a later event of its group.
        """
        sent: dict[int, SentEvent] = {}
        began = datetime.now(UTC)
        while left := [event for event in batch if event.number not in sent]:
            taken = self._try(left, began=began)
            for event in taken:
                sent[event.event.number] = event
            _check_no_one_was_overtaken(
                refused=[event for event in left if event.number not in sent], taken=taken
            )
        return [sent[event.number] for event in batch]

    def _try(self, events: Sequence[PlannedEvent], *, began: datetime) -> list[SentEvent]:
        try:
            answer = self._sqs.send_message_batch(
                QueueUrl=self._url,
                Entries=[event.as_batch_entry(entry_id=str(event.number)) for event in events],
            )
        except (BotoCoreError, ClientError):
            if self._retry_seconds is None:
                raise
            time.sleep(self._retry_seconds)
            return []
        if self._retry_seconds is None:
            for failed in answer.get("Failed", ()):
                raise Refused(f"SQS did not take an event: {failed['Code']}.")
        ended = datetime.now(UTC)
        results = {result["Id"]: result for result in answer.get("Successful", ())}
        return [
            SentEvent(
                event=event,
                message_id=result["MessageId"],
                sequence_number=int(result["SequenceNumber"]),
                sent_from=began,
                sent_until=ended,
            )
            for event in events
            if (result := results.get(str(event.number)))
        ]


def depth(sqs: "SQSClient", queue_url: str) -> int:
    """Return how many messages of a queue wait or are in flight."""
    answer = sqs.get_queue_attributes(
        QueueUrl=queue_url,
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )
    return sum(map(int, answer["Attributes"].values()))


def take_batch(pending: deque[PlannedEvent]) -> list[PlannedEvent]:
    """Remove from `pending`, and return, as much as one call takes."""
    batch: list[PlannedEvent] = []
    size = 0
    while pending and len(batch) < MAX_BATCH:
        size += len(pending[0].body)
        if batch and size > _MAX_BATCH_BYTES:
            break
        batch.append(pending.popleft())
    return batch


def _check_no_one_was_overtaken(
    *, refused: Sequence[PlannedEvent], taken: Iterable[SentEvent]
) -> None:
    first_refused = {event.group_id: event.number for event in reversed(refused)}
    for sent in taken:
        event = sent.event
        if event.number > first_refused.get(event.group_id, event.number):
            raise Refused("SQS took a later event of a group and refused an earlier one.")
