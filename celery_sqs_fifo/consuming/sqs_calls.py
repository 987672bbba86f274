"""Calls to SQS from the worker's event loop."""

import json
import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from celery_sqs_fifo.errors import error_location
from celery_sqs_fifo.metrics import metrics

logger = logging.getLogger(__name__)

Answer = dict[str, Any]
# Called with the answer and None, or with an empty answer and what went wrong.
WhenDone = Callable[[Answer, str | None], None]


class Calls:
    """Calls to one queue's SQS, without waiting while the event loop turns.

    When the loop has stopped (`wait` is set, at shutdown) the same calls wait for their answers.
    `when_done` is always called once; no call raises. `counts` has the calls made, by action.
    """

    def __init__(self, *, asynchronous: Any, client: Any, hub: Any) -> None:
        self._asynchronous = asynchronous
        self._client = client
        self._hub = hub
        self.wait = hub is None
        self.counts: Counter[str] = Counter()
        self.open = 0

    def __call__(
        self, action: str, *, queue_url: str, when_done: WhenDone, **parameters: Any
    ) -> None:
        """Make one call, such as `calls("DeleteMessageBatch", queue_url=…, Entries=…)`."""
        self.counts[action] += 1

        def count(answer: Answer, error: str | None) -> None:
            metrics().calls.labels(action, "error" if error else "ok").inc()
            when_done(answer, error)

        if self.wait:
            self._call_and_wait(action, queue_url, parameters, count)
        else:
            self._call(action, queue_url, parameters, count)

    def _call(
        self, action: str, queue_url: str, parameters: dict[str, Any], when_done: WhenDone
    ) -> None:
        def on_response(response: Any) -> None:
            self.open -= 1
            answer, error = _read(response)
            _guarded(when_done, answer, error)

        self.open += 1
        try:
            self._asynchronous.make_request(
                action, parameters, queue_url, "POST", callback=on_response, protocol_params={}
            )
        except Exception as error:
            # No credentials, a broken endpoint: whatever it is, the worker goes on.
            self.open -= 1
            self._hub.call_soon(_guarded, when_done, {}, type(error).__name__)

    def _call_and_wait(
        self, action: str, queue_url: str, parameters: dict[str, Any], when_done: WhenDone
    ) -> None:
        call = getattr(self._client, xform_name(action))
        try:
            answer, error = call(QueueUrl=queue_url, **parameters), None
        except ClientError as refused:
            answer, error = {}, refused.response["Error"]["Code"]
        except Exception as failed:
            answer, error = {}, type(failed).__name__
        _guarded(when_done, answer, error)


def _read(response: Any) -> tuple[Answer, str | None]:
    document = _document(response)
    if response.status != 200:
        code = str(document.get("__type", response.reason) if document else response.reason)
        return {}, f"HTTP {response.status} {code.rpartition('#')[2]}"
    return (document, None) if document is not None else ({}, "an answer that is no JSON object")


def _document(response: Any) -> Answer | None:
    """The JSON object in an answer (of an error, too, in the AWS JSON protocol), or None."""
    try:
        document = json.loads(response.read() or b"{}")
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _guarded(when_done: WhenDone, answer: Answer, error: str | None) -> None:
    """An error in a callback must not stop the loop, nor with it all other messages."""
    try:
        when_done(answer, error)
    except Exception as failure:
        logger.error("sqs_response_failed", extra={"error": error_location(failure)})
