"""Sends planned events, as producers do."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Protocol, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from testbed.traffic.events import PlannedEvent, SentEvent

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# SendMessageBatch accepts at most ten messages, and 1 MiB with their attributes.
MAX_BATCH = 10
_MAX_BATCH_BYTES = 900_000
_POLL_SECONDS = 0.1


class HasBody(Protocol):
    """Something with the body of a message."""

    @property
    def body(self) -> str:
        """The JSON of the event."""
        ...


AnyMessage = TypeVar("AnyMessage", bound=HasBody)


class Refused(RuntimeError):
    """SQS has refused an event, or has accepted a later event of its group."""


class EventQueue:
    """The queue for events.

    With `retry_seconds`, a call that fails is repeated after that time until it succeeds, and until
    SQS has accepted its events. Without it, exceptions of boto3 are raised.
    """

    def __init__(self, *, sqs: "SQSClient", url: str, retry_seconds: float | None = None) -> None:
        self._sqs = sqs
        self._url = url
        self._retry_seconds = retry_seconds

    def depth(self) -> int:
        """Return how many messages are visible or in flight."""
        while True:
            try:
                return depth(self._sqs, self._url)
            except (BotoCoreError, ClientError) as error:
                self._wait_after(error)

    def publish(
        self,
        events: Sequence[PlannedEvent],
        *,
        max_backlog: int,
        on_progress: Callable[[list[SentEvent], int], None] = lambda _sent, _backlog: None,
    ) -> list[SentEvent]:
        """Send all events in their order, so that the queue's backlog stays within `max_backlog`.

        `on_progress` is called at each poll of the queue, with the sent events and the backlog. Its
        exceptions end the publishing.
        """
        sent: list[SentEvent] = []
        remaining = batches(events)
        while len(sent) < len(events):
            backlog = self.depth()
            on_progress(sent, backlog)
            room = (max_backlog - backlog) // MAX_BATCH
            if room <= 0:
                time.sleep(_POLL_SECONDS)
            for batch in islice(remaining, max(0, room)):
                sent += self.send(batch)
        return sent

    def send(self, batch: Sequence[PlannedEvent]) -> list[SentEvent]:
        """Send a batch. Its deduplication ids make repeated calls harmless.

        Raises Refused if SQS refuses an event and calls are not repeated, or if SQS accepts a later
        event of its group.
        """
        sent: dict[int, SentEvent] = {}
        began = datetime.now(UTC)
        while left := [event for event in batch if event.number not in sent]:
            accepted = self._try(left, began=began)
            for event in accepted:
                sent[event.event.number] = event
            _check_order(
                refused=[event for event in left if event.number not in sent], accepted=accepted
            )
        return [sent[event.number] for event in batch]

    def _try(self, events: Sequence[PlannedEvent], *, began: datetime) -> list[SentEvent]:
        try:
            answer = self._sqs.send_message_batch(
                QueueUrl=self._url,
                Entries=[event.as_batch_entry(entry_id=str(event.number)) for event in events],
            )
        except (BotoCoreError, ClientError) as error:
            self._wait_after(error)
            return []
        if self._retry_seconds is None:
            for failed in answer.get("Failed", ()):
                raise Refused(f"SQS refused an event: {failed['Code']}.")
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

    def _wait_after(self, error: Exception) -> None:
        """Wait before a call that has failed is repeated. Raise its error if calls are not."""
        if self._retry_seconds is None:
            raise error
        time.sleep(self._retry_seconds)


def depth(sqs: "SQSClient", queue_url: str) -> int:
    """Return how many messages of a queue are visible or in flight."""
    answer = sqs.get_queue_attributes(
        QueueUrl=queue_url,
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )
    return sum(map(int, answer["Attributes"].values()))


def batches(messages: Iterable[AnyMessage]) -> Iterator[list[AnyMessage]]:
    """Yield the messages in their order, in batches that SQS accepts in one call."""
    batch: list[AnyMessage] = []
    size = 0
    for message in messages:
        if batch and (len(batch) == MAX_BATCH or size + len(message.body) > _MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += len(message.body)
    if batch:
        yield batch


def _check_order(*, refused: Sequence[PlannedEvent], accepted: Iterable[SentEvent]) -> None:
    first_refused = {event.group_id: event.number for event in reversed(refused)}
    for sent in accepted:
        event = sent.event
        if event.number > first_refused.get(event.group_id, event.number):
            raise Refused("SQS accepted a later event of a group and refused an earlier one.")
