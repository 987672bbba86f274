"""Live messages at a steady rate, and what became of them as the queue's server saw it."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from bench.closing.data import CHANNEL, PROJECT
from bench.closing.result import Live
from testbed.sqs.calls import LoggedCall

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CONTACTS = 40
# Well below what the worker can do: without closings the queue is all but empty.
PER_SECOND = 20
_GROUP = "live:"


class Traffic:
    """Messages of some contacts in turn, sent by a thread."""

    def __init__(self, *, sqs: "SQSClient", queue_url: str) -> None:
        self.sent = 0
        self._sqs = sqs
        self._queue_url = queue_url
        self._stop = threading.Event()
        self._failure: Exception | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """They are sent while the block runs; it raises at its end what stopped them before."""
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
        if self._failure:
            raise self._failure

    def _run(self) -> None:
        begun = time.monotonic()
        try:
            while not self._stop.wait(max(0, begun + self.sent / PER_SECOND - time.monotonic())):
                self._send()
        except Exception as error:
            self._failure = error

    def _send(self) -> None:
        contact = f"{_GROUP}{self.sent % CONTACTS}"
        self._sqs.send_message(
            QueueUrl=self._queue_url,
            MessageBody=_body(contact, number=self.sent),
            MessageGroupId=contact,
            MessageDeduplicationId=str(uuid4()),
        )
        self.sent += 1


def live_messages(calls: Sequence[LoggedCall], *, since: float, until: float) -> Live:
    """Those that were sent from a time to another one, in seconds since the epoch.

    A message counts as received when the call that brought it ends, and as deleted when the call
    that deleted it does: what it was sent for has taken effect by then.
    """
    sent = {
        message: at
        for message, at in _ends(calls, action="SendMessage", result="sent").items()
        if since <= at < until
    }
    received = _ends(calls, action="ReceiveMessage", result="received")
    deleted = _ends(calls, action="DeleteMessageBatch", result="deleted")
    return Live(
        sent=len(sent),
        received=[(received[one] - at) * 1000 for one, at in sent.items() if one in received],
        deleted=[(deleted[one] - at) * 1000 for one, at in sent.items() if one in deleted],
    )


def _ends(calls: Sequence[LoggedCall], *, action: str, result: str) -> dict[str, float]:
    """When the calls of an action ended that did this with a live message, by its id."""
    return {
        entry.message_id: call.time + call.seconds
        for call in calls
        for entry in call.entries
        if call.action == action
        and entry.result == result
        and entry.message_id
        and (entry.group_id or "").startswith(_GROUP)
    }


def _body(contact: str, *, number: int) -> str:
    return json.dumps(
        {
            "event_type": "message.received",
            "correlation_id": f"live-{number}",
            "data": {
                "project_uuid": str(PROJECT),
                "channel_uuid": str(CHANNEL),
                "contact_urn": contact,
                "message": {
                    "id": f"live-{number}",
                    "text": "Is my order on its way?",
                    "source": "incoming",
                    "created_at": datetime.now(UTC).isoformat(),
                    "contact_name": "Ana",
                },
            },
        }
    )
