"""Calls to SQS from the worker's event loop."""

import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from celery_sqs_fifo.aws import LATE_DELETE_CODES
from celery_sqs_fifo.consuming.http import HttpClient, Response
from celery_sqs_fifo.consuming.signing import Signer
from celery_sqs_fifo.errors import error_location
from celery_sqs_fifo.metrics import metrics

logger = logging.getLogger(__name__)

# The time limits of all blocking calls together, and of each one, in seconds.
MAX_WAITED_SECONDS = 10.0
MAX_WAITED_CALL_SECONDS = 5.0

Answer = dict[str, Any]
# Called with the answer and None, or with an empty answer and an error.
WhenDone = Callable[[Answer, str | None], None]


class LostAnswer(str):
    """An error of a call that may nevertheless have taken effect in SQS."""

    __slots__ = ()


class Calls:
    """Makes SQS calls for one queue, without blocking the event loop.

    After the loop has stopped (`wait` is set, at shutdown), the calls block until their answers
    arrive. All blocking calls together take at most ten seconds; later calls fail at once.
    A call never raises, and always calls `when_done` once. `counts` is the number of calls by
    action, and `failing` has the error of each action whose latest call failed.
    """

    def __init__(self, *, signer: Signer, http: HttpClient, hub: Any) -> None:
        self._signer = signer
        self._http = http
        self._hub = hub
        self._waited = 0.0
        self.wait = hub is None
        self.counts: Counter[str] = Counter()
        self.failing: dict[str, str] = {}
        self.open = 0

    def __call__(
        self, action: str, *, queue_url: str, when_done: WhenDone, **parameters: Any
    ) -> None:
        """Make one call, for example `calls("DeleteMessageBatch", queue_url=…, Entries=…)`."""
        self.counts[action] += 1

        def count(answer: Answer, error: str | None) -> None:
            metrics().calls.labels(action, "error" if error else "ok").inc()
            if failure := error or _refusal(answer):
                self.failing[action] = str(failure)
            else:
                self.failing.pop(action, None)
            when_done(answer, error)

        parameters["QueueUrl"] = queue_url
        if self.wait:
            self._call_and_wait(action, parameters, count)
        else:
            self._call(action, parameters, count)

    @property
    def credentials_expire_at(self) -> float | None:
        """Return when the credentials expire, in seconds since 1970, or None if they do not."""
        return self._signer.credentials_expire_at

    def close(self) -> None:
        """Abandon the open calls without calling their `when_done`, if the loop has stopped.

        If the worker continues without this queue, deletes may still be open or retried, so
        nothing is abandoned.
        """
        if self.wait:
            self._http.close()

    def _call(self, action: str, parameters: Mapping[str, Any], when_done: WhenDone) -> None:
        def on_response(response: Response) -> None:
            self.open -= 1
            _guarded(when_done, *_read(response))

        self.open += 1
        try:
            request = self._signer.request(action, parameters)
            self._http.send(request, on_response=on_response)
        except Exception as error:
            # Missing credentials or an invalid endpoint, for example, must not stop the worker.
            self.open -= 1
            self._hub.call_soon(_guarded, when_done, {}, type(error).__name__)

    def _call_and_wait(
        self, action: str, parameters: Mapping[str, Any], when_done: WhenDone
    ) -> None:
        seconds = min(MAX_WAITED_CALL_SECONDS, MAX_WAITED_SECONDS - self._waited)
        if seconds <= 0:
            _guarded(when_done, {}, "no time left before the end")
            return
        started_at = monotonic()
        try:
            request = self._signer.request(action, parameters)
            answer, error = _read(self._http.send_and_wait(request, max_seconds=seconds))
        except Exception as failed:
            answer, error = {}, type(failed).__name__
        self._waited += monotonic() - started_at
        _guarded(when_done, answer, error)


def _read(response: Response) -> tuple[Answer, str | None]:
    if response.error:
        return {}, LostAnswer(response.error)
    document = _document(response.body)
    if response.status != 200:
        code = str(document.get("__type", response.reason) if document else response.reason)
        error = f"HTTP {response.status} {code.rpartition('#')[2]}"
        return {}, LostAnswer(error) if response.status >= 500 else error
    if document is None:
        return {}, LostAnswer("an answer that is not a JSON object")
    return document, None


def _refusal(answer: Answer) -> str | None:
    """Return the error code of a batch that SQS refused entirely, or None.

    A lease that has ended does not count as a refusal.
    """
    if answer.get("Successful"):
        return None
    codes = {entry["Code"].rpartition(".")[2] for entry in answer.get("Failed", ())}
    return min(codes - LATE_DELETE_CODES, default=None)


def _document(body: bytes) -> Answer | None:
    """Return the JSON object of a response body, or None. Errors of SQS are JSON objects too."""
    try:
        document = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _guarded(when_done: WhenDone, answer: Answer, error: str | None) -> None:
    """Call `when_done` and log any error, because an error would stop the event loop."""
    try:
        when_done(answer, error)
    except Exception as failure:
        logger.error("sqs_response_failed", extra={"error": error_location(failure)})
