"""The producers' side of the queue, and the reading of the dead-letter queue."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import boto3

from demo.events import PlannedEvent
from demo.expectations import SentEvent
from demo.findings import FoundDeadLetter

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# SendMessageBatch takes at most ten messages.
LARGEST_BATCH = 10
# moto slows down as its backlog grows: to about 20 sends a second at 500 messages.
LARGEST_BACKLOG = 90
_LOOK_AGAIN_SECONDS = 0.1


class Refused(RuntimeError):
    """SQS did not take an event."""


class Queues:
    """The event queue and its dead-letter queue."""

    def __init__(self, *, queue_url: str, dead_letter_queue_url: str, region: str) -> None:
        self._sqs: SQSClient = boto3.client("sqs", region_name=region)
        self._queue_url = queue_url
        self._dead_letter_queue_url = dead_letter_queue_url

    def backlog(self) -> int:
        """How many messages are in the queue, those that the worker has received included."""
        attributes = self._sqs.get_queue_attributes(
            QueueUrl=self._queue_url,
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
            ],
        )["Attributes"]
        return sum(int(count) for count in attributes.values())

    def publish(
        self, events: Sequence[PlannedEvent], *, on_progress: Callable[[list[SentEvent], int], None]
    ) -> list[SentEvent]:
        """Send all events in their order, no faster than the worker takes them.

        `on_progress` is called at each look at the queue, with what was sent and the backlog; what
        it raises ends the publishing. Raises Refused if SQS does not take an event.
        """
        sent: list[SentEvent] = []
        while len(sent) < len(events):
            backlog = self.backlog()
            on_progress(sent, backlog)
            batches = (LARGEST_BACKLOG - backlog) // LARGEST_BATCH
            if batches <= 0:
                time.sleep(_LOOK_AGAIN_SECONDS)
            for _ in range(batches):
                sent += self._send(events[len(sent) : len(sent) + LARGEST_BATCH])
        return sent

    def drain_dead_letters(self) -> Iterator[FoundDeadLetter]:
        """Take every message out of the dead-letter queue."""
        while messages := self._sqs.receive_message(
            QueueUrl=self._dead_letter_queue_url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
        ).get("Messages"):
            for message in messages:
                attributes = message.get("MessageAttributes", {})
                told = {name: value.get("StringValue", "") for name, value in attributes.items()}
                yield FoundDeadLetter(body=message["Body"], told=told)
                # Until it is deleted, the rest of its group is not given out.
                self._sqs.delete_message(
                    QueueUrl=self._dead_letter_queue_url, ReceiptHandle=message["ReceiptHandle"]
                )

    def _send(self, events: Sequence[PlannedEvent]) -> list[SentEvent]:
        if not events:
            return []
        began = datetime.now(UTC)
        answer = self._sqs.send_message_batch(
            QueueUrl=self._queue_url,
            Entries=[
                event.as_batch_entry(entry_id=str(number)) for number, event in enumerate(events)
            ],
        )
        ended = datetime.now(UTC)
        for failed in answer.get("Failed", []):
            raise Refused(f"SQS did not take an event: {failed['Code']}.")
        results = {int(result["Id"]): result for result in answer["Successful"]}
        return [
            SentEvent(
                event=event,
                message_id=results[number]["MessageId"],
                sequence_number=int(results[number]["SequenceNumber"]),
                sent_from=began,
                sent_until=ended,
            )
            for number, event in enumerate(events)
        ]
