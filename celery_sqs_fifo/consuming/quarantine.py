"""Sending events that can never succeed to the dead-letter queue."""

import logging
from collections.abc import Callable
from time import time
from typing import Any

from celery_sqs_fifo.backoff import Backoff
from celery_sqs_fifo.consuming.dead_letter import dead_letter
from celery_sqs_fifo.consuming.sqs_calls import Answer, Calls
from celery_sqs_fifo.delivery import Delivery, Outcome

logger = logging.getLogger(__name__)


class Quarantine:
    """Copies events to the dead-letter queue until SQS confirms; only then may they be deleted."""

    def __init__(
        self,
        *,
        calls: Calls,
        queue_url: str,
        largest_message: int,
        backoff: Backoff,
        call_later: Callable[..., Any],
        on_quarantined: Callable[[Delivery], None],
        on_refused: Callable[[Delivery], None],
    ) -> None:
        self._calls = calls
        self._queue_url = queue_url
        self._largest_message = largest_message
        self._backoff = backoff
        self._call_later = call_later
        self._on_quarantined = on_quarantined
        self._on_refused = on_refused

    def send(self, delivery: Delivery, outcome: Outcome, *, failures: int = 0) -> None:
        """Copy one event, trying until it works; at shutdown one refusal is final."""

        def when_done(answer: Answer, error: str | None) -> None:
            if error is None and "MessageId" not in answer:
                error = "an answer without a message id"
            if error is None:
                logger.warning("quarantined", extra=about(delivery, outcome))
                _log_end(delivery, outcome)
                self._on_quarantined(delivery)
            elif self._calls.wait:
                self._on_refused(delivery)
            else:
                self._try_again(delivery, outcome, error, failures + 1)

        self._calls(
            "SendMessage",
            queue_url=self._queue_url,
            when_done=when_done,
            **dead_letter(
                delivery,
                reason=outcome.reason,
                error=outcome.error,
                largest_size=self._largest_message,
            ),
        )

    def _try_again(self, delivery: Delivery, outcome: Outcome, error: str, failures: int) -> None:
        logger.error(
            "the dead-letter queue refuses, trying until it works",
            extra={**about(delivery, outcome), "error": error},
        )

        def again() -> None:
            self.send(delivery, outcome, failures=failures)

        self._call_later(self._backoff.after(failures), again)


def about(delivery: Delivery, outcome: Outcome) -> dict[str, Any]:
    """What a log line says of a delivery: ids and reasons, nothing of what it carries."""
    return {
        **delivery.labels,
        **outcome.labels,
        "message_id": delivery.message_id,
        "reason": outcome.reason,
        "error": outcome.error,
        "failures": delivery.failures,
        "receive_count": delivery.receive_count,
    }


def _log_end(delivery: Delivery, outcome: Outcome) -> None:
    """The one line that each event ends with; the pool process logs that of those that succeed."""
    if not delivery.is_celery:
        told = {
            **about(delivery, outcome),
            "outcome": outcome.result.value,
            "since_sent_ms": int(time() * 1000) - delivery.sent_at,
        }
        logger.info("event ended", extra=told)
