"""The actions on queues: one method for each action that the model has."""

from collections.abc import Callable, Mapping
from typing import Any

from testbed.server.clock import Clock
from testbed.sqs.account import ACCOUNT_ID, Account
from testbed.sqs.attributes import KNOWN
from testbed.sqs.errors import SqsError
from testbed.sqs.polls import LongPolls
from testbed.sqs.queue import FifoQueue

Request = Mapping[str, Any]


class QueueActions:
    """Translates requests into calls of the account, and its results into answers.

    A handler receives the request and the base URL of the queues.
    """

    def __init__(self, *, account: Account, clock: Clock, polls: LongPolls) -> None:
        self._account = account
        self._clock = clock
        self._polls = polls
        self.handlers: Mapping[str, Callable[[Request, str], dict[str, Any]]] = {
            "CreateQueue": self._create,
            "DeleteQueue": self._delete,
            "GetQueueAttributes": self._attributes,
            "GetQueueUrl": self._url,
            "ListQueues": self._list,
            "PurgeQueue": self._purge,
            "SetQueueAttributes": self._set_attributes,
        }

    def _create(self, request: Request, base_url: str) -> dict[str, Any]:
        queue = self._account.create(
            name=request["QueueName"],
            attributes=request.get("Attributes") or {},
            now=self._clock.now(),
        )
        return {"QueueUrl": _url_of(queue.name, base_url=base_url)}

    def _delete(self, request: Request, _base_url: str) -> dict[str, Any]:
        queue = self._find(request)
        self._account.delete(name=queue.name, now=self._clock.now())
        self._polls.forget(queue)
        return {}

    def _url(self, request: Request, base_url: str) -> dict[str, Any]:
        queue = self._account.find(name=request["QueueName"], now=self._clock.now())
        return {"QueueUrl": _url_of(queue.name, base_url=base_url)}

    def _list(self, request: Request, base_url: str) -> dict[str, Any]:
        names = self._account.names(
            prefix=request.get("QueueNamePrefix") or "", now=self._clock.now()
        )
        return {"QueueUrls": [_url_of(name, base_url=base_url) for name in names]} if names else {}

    def _purge(self, request: Request, _base_url: str) -> dict[str, Any]:
        self._find(request).purge(now=self._clock.now())
        return {}

    def _set_attributes(self, request: Request, _base_url: str) -> dict[str, Any]:
        queue = self._find(request)
        self._account.set_attributes(
            queue=queue, changes=request["Attributes"], now=self._clock.now()
        )
        self._polls.wake(queue)
        return {}

    def _attributes(self, request: Request, _base_url: str) -> dict[str, Any]:
        queue = self._find(request)
        wanted = set(request.get("AttributeNames") or ())
        unknown = wanted - KNOWN - {"All"}
        if unknown:
            raise SqsError(
                code="InvalidAttributeName", message=f"Unknown Attribute {min(unknown)}."
            )
        texts = {**queue.attributes.texts, **self._computed(queue)}
        shown = {name: texts[name] for name in texts if name in wanted or "All" in wanted}
        return {"Attributes": shown} if shown else {}

    def _computed(self, queue: FifoQueue) -> dict[str, str]:
        counts = queue.counts(now=self._clock.now())
        return {
            "ApproximateNumberOfMessages": str(counts.visible),
            "ApproximateNumberOfMessagesDelayed": "0",
            "ApproximateNumberOfMessagesNotVisible": str(counts.in_flight),
            "CreatedTimestamp": str(int(queue.created_at)),
            "LastModifiedTimestamp": str(int(queue.modified_at)),
            "QueueArn": queue.arn,
        }

    def _find(self, request: Request) -> FifoQueue:
        return self._account.find(name=queue_name(request) or "", now=self._clock.now())


def queue_name(request: Request) -> str | None:
    """Return the name of the queue in a request; None if the request has none."""
    url = request.get("QueueUrl")
    name = request.get("QueueName") if url is None else url.rpartition("/")[2]
    return None if name is None else str(name)


def _url_of(name: str, *, base_url: str) -> str:
    return f"{base_url}/{ACCOUNT_ID}/{name}"
