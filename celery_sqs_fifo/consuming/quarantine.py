"""Send copies of events to the dead-letter queue, with the reason as message attributes.

This module only sends the copy. `failures.py` decides which failed events are quarantined, with the
charged failures of `charging.py`.
"""

import logging
from collections.abc import Callable, Mapping
from time import time
from typing import Any

from celery_sqs_fifo.aws import MAX_MESSAGE_ATTRIBUTES, REFUSED_CHARACTERS
from celery_sqs_fifo.backoff import Backoff
from celery_sqs_fifo.consuming.reports import Report, Reporter
from celery_sqs_fifo.consuming.sqs_calls import Answer, Calls
from celery_sqs_fifo.delivery import FIRST_SENT_AT, Delivery, Outcome

logger = logging.getLogger(__name__)

MAX_ERROR_CHARACTERS = 2_000


class Quarantine:
    """Copies events to the dead-letter queue, and reports when SQS has confirmed a copy."""

    def __init__(
        self,
        *,
        calls: Calls,
        queue_url: str,
        max_message_bytes: int,
        backoff: Backoff,
        call_later: Callable[..., Any],
        report: Reporter,
    ) -> None:
        self._calls = calls
        self._queue_url = queue_url
        self._max_message_bytes = max_message_bytes
        self._backoff = backoff
        self._call_later = call_later
        self._report = report

    def send(self, delivery: Delivery, outcome: Outcome, *, failures: int = 0) -> None:
        """Copy one event, and retry until SQS confirms the copy. At shutdown, do not retry."""

        def when_done(answer: Answer, error: str | None) -> None:
            if error is None and "MessageId" not in answer:
                error = "an answer without a message id"
            if error is None:
                logger.warning("event_quarantined", extra=about(delivery, outcome))
                _log_end(delivery, outcome)
                self._report(Report.QUARANTINED, delivery)
            elif self._calls.wait:
                self._report(Report.QUARANTINE_REFUSED, delivery)
            else:
                self._retry_later(delivery, outcome, error, failures + 1)

        self._calls(
            "SendMessage",
            queue_url=self._queue_url,
            when_done=when_done,
            **dead_letter(
                delivery,
                reason=outcome.reason,
                error=outcome.error,
                max_bytes=self._max_message_bytes,
            ),
        )

    def _retry_later(self, delivery: Delivery, outcome: Outcome, error: str, failures: int) -> None:
        logger.error(
            "quarantine_refused",
            extra={**about(delivery, outcome), "error": error},
        )

        def retry() -> None:
            self.send(delivery, outcome, failures=failures)

        self._call_later(self._backoff.after(failures), retry)


def about(delivery: Delivery, outcome: Outcome) -> dict[str, Any]:
    """Return the log fields of a delivery: ids and reasons, and nothing of its content."""
    return {
        **delivery.labels,
        **outcome.labels,
        "message_id": delivery.message_id,
        "reason": outcome.reason,
        "error": outcome.error,
        "failures": delivery.failures,
        "receive_count": delivery.receive_count,
    }


def dead_letter(delivery: Delivery, *, reason: str, error: str, max_bytes: int) -> dict[str, Any]:
    """Return the parameters of SendMessage for a copy of `delivery` in the dead-letter queue.

    The body is complete. The attributes that explain the copy come first, the most important one at
    the start, and the event's text attributes follow. If the message would be larger than
    `max_bytes` bytes, the error is shortened, and attributes that do not fit are left out.

    The deduplication id is the message id of the source. With the event's deduplication id, SQS
    would drop a second copy within five minutes.
    """
    explanation = {
        "reason": reason,
        "source_message_id": delivery.message_id,
        FIRST_SENT_AT: str(delivery.sent_at),
        "group_id": delivery.group_id,
        "receive_count": str(delivery.receive_count),
        "error": error[:MAX_ERROR_CHARACTERS],
    }
    attributes = {name: _text(value) for name, value in explanation.items() if value}
    for name, value in delivery.attributes.items():
        has_place = name not in explanation and len(attributes) < MAX_MESSAGE_ATTRIBUTES
        if has_place and "StringValue" in value:
            attributes[name] = {key: value[key] for key in ("DataType", "StringValue")}
    room = max_bytes - len(delivery.body.encode())
    return {
        "MessageBody": delivery.body,
        "MessageGroupId": delivery.group_id,
        "MessageDeduplicationId": delivery.message_id,
        "MessageAttributes": _fit(attributes, room=room),
    }


def _log_end(delivery: Delivery, outcome: Outcome) -> None:
    """Log the end of an event. For an event that succeeds, the pool process logs this line."""
    if not delivery.is_celery:
        fields = {
            **about(delivery, outcome),
            "outcome": outcome.result.value,
            "since_sent_ms": int(time() * 1000) - delivery.sent_at,
        }
        logger.info("event_ended", extra=fields)


def _text(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": REFUSED_CHARACTERS.sub("?", value)}


def _fit(attributes: Mapping[str, dict[str, Any]], *, room: int) -> dict[str, dict[str, Any]]:
    fitting = {}
    for name, whole in attributes.items():
        rest = room - _size(name, whole)
        value = whole
        if rest < 0 and name == "error":
            value = _text(whole["StringValue"].encode()[:rest].decode(errors="ignore"))
            rest = room - _size(name, value)
        if rest >= 0 and value["StringValue"]:
            fitting[name] = value
            room = rest
    return fitting


def _size(name: str, value: Mapping[str, Any]) -> int:
    """Return the size in bytes of name, type and value, as SQS counts it ("Message quotas")."""
    return sum(len(part.encode()) for part in (name, value["DataType"], value["StringValue"]))
