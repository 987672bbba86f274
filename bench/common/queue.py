"""A queue of the model of SQS, filled and looked at with little work.

Without boto3: the benchmark shares the cores with what it measures. The model checks no signatures.
"""

import http.client
import json
import time
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from bench.common.chat import ChatEvent

# Amazon SQS Developer Guide, "Amazon SQS message quotas": the most of a SendMessageBatch.
_MOST_ENTRIES = 10
_MOST_BYTES = 1_048_576
_TIMEOUT_SECONDS = 30.0
_SIZES = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]


class LightQueue:
    """One connection; not safe for threads. `close` ends it."""

    def __init__(self, *, queue_url: str) -> None:
        self._queue_url = queue_url
        self._connection = http.client.HTTPConnection(
            urlsplit(queue_url).netloc, timeout=_TIMEOUT_SECONDS
        )

    def fill(self, events: Iterable[ChatEvent]) -> None:
        """Send all, in their order, ten with one call. Raises RuntimeError if any is refused."""
        for batch in batches(events):
            entries = [{"Id": str(place), **_entry(event)} for place, event in enumerate(batch)]
            answer = self._call("SendMessageBatch", Entries=entries)
            if answer.get("Failed"):
                raise RuntimeError(f"SQS refused events: {answer['Failed']}")

    def pace(self, events: Iterable[ChatEvent], *, per_second: float) -> dict[str, ChatEvent]:
        """Send one after the other at that rate; gives them by their SQS message id."""
        begun = time.monotonic()
        sent: dict[str, ChatEvent] = {}
        for event in events:
            time.sleep(max(0.0, begun + len(sent) / per_second - time.monotonic()))
            sent[self._call("SendMessage", **_entry(event))["MessageId"]] = event
        return sent

    def size(self) -> int:
        """How many messages wait or are in flight."""
        answer = self._call("GetQueueAttributes", AttributeNames=_SIZES)
        return sum(map(int, answer["Attributes"].values()))

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()

    def _call(self, action: str, **fields: Any) -> dict[str, Any]:
        self._connection.request(
            "POST",
            "/",
            body=json.dumps({"QueueUrl": self._queue_url, **fields}),
            headers={
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": f"AmazonSQS.{action}",
            },
        )
        response = self._connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
        if response.status != http.client.OK:
            raise RuntimeError(f"SQS refused {action}: {answer}")
        return answer


def _entry(event: ChatEvent) -> dict[str, str]:
    return {
        "MessageBody": event.body,
        "MessageGroupId": event.group,
        "MessageDeduplicationId": uuid4().hex,
    }


def batches(events: Iterable[ChatEvent]) -> Iterator[list[ChatEvent]]:
    """Events in their order, as much at once as SQS takes with one call."""
    batch: list[ChatEvent] = []
    size = 0
    for event in events:
        if batch and (len(batch) == _MOST_ENTRIES or size + len(event.body) > _MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += len(event.body)
    if batch:
        yield batch
