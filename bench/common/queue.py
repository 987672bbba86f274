"""A client for a queue of the model of SQS that needs little CPU time.

A benchmark shares the cores with the programs that it measures, so this client does not use boto3.
It sends no signatures, because the model does not check them.
"""

import http.client
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

from testbed.traffic.sending import batches

_TIMEOUT_SECONDS = 30.0
_WAITING = "ApproximateNumberOfMessages"
_IN_FLIGHT = "ApproximateNumberOfMessagesNotVisible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message for the queue."""

    group: str
    body: str


AnyMessage = TypeVar("AnyMessage", bound=Message)


class LightQueue:
    """A queue, over one connection, for one thread. Raises RuntimeError if SQS refuses a call."""

    def __init__(self, *, queue_url: str) -> None:
        self._queue_url = queue_url
        self._connection = http.client.HTTPConnection(
            urlsplit(queue_url).netloc, timeout=_TIMEOUT_SECONDS
        )

    def create(self, attributes: Mapping[str, str]) -> None:
        """Create the queue."""
        name = self._queue_url.rpartition("/")[2]
        self._call("CreateQueue", {"QueueName": name, "Attributes": dict(attributes)})

    def fill(self, messages: Iterable[Message]) -> None:
        """Send all messages in their order, with as few calls as possible."""
        for batch in batches(messages):
            entries = [{"Id": str(place), **_entry(one)} for place, one in enumerate(batch)]
            answer = self._call_queue("SendMessageBatch", Entries=entries)
            if answer.get("Failed"):
                raise RuntimeError(f"SQS refused events: {answer['Failed']}")

    def pace(self, messages: Iterable[AnyMessage], *, per_second: float) -> dict[str, AnyMessage]:
        """Send messages one by one at this rate. Return each message by its SQS message id."""
        begun = time.monotonic()
        sent: dict[str, AnyMessage] = {}
        for message in messages:
            time.sleep(max(0.0, begun + len(sent) / per_second - time.monotonic()))
            sent[self._call_queue("SendMessage", **_entry(message))["MessageId"]] = message
        return sent

    def size(self) -> int:
        """Return how many messages are visible or in flight."""
        return self._count(_WAITING, _IN_FLIGHT)

    def waiting(self) -> int:
        """Return how many messages are visible."""
        return self._count(_WAITING)

    def purge(self) -> None:
        """Delete all messages."""
        self._call_queue("PurgeQueue")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _count(self, *names: str) -> int:
        answer = self._call_queue("GetQueueAttributes", AttributeNames=names)
        return sum(map(int, answer["Attributes"].values()))

    def _call_queue(self, action: str, **fields: Any) -> dict[str, Any]:
        return self._call(action, {"QueueUrl": self._queue_url, **fields})

    def _call(self, action: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        body = json.dumps(fields)
        try:
            response, content = self._post(action, body)
        except ConnectionError:
            # An injected fault has closed the connection since the last call.
            self._connection.close()
            response, content = self._post(action, body)
        if response.status != http.client.OK:
            raise RuntimeError(f"SQS refused {action}: {content.decode()}")
        answer: dict[str, Any] = json.loads(content or "{}")
        return answer

    def _post(self, action: str, body: str) -> tuple[http.client.HTTPResponse, bytes]:
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"AmazonSQS.{action}",
        }
        self._connection.request("POST", "/", body=body, headers=headers)
        response = self._connection.getresponse()
        return response, response.read()


def _entry(message: Message) -> dict[str, str]:
    return {
        "MessageBody": message.body,
        "MessageGroupId": message.group,
        "MessageDeduplicationId": uuid4().hex,
    }
