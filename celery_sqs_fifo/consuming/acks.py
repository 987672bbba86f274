"""Delete finished messages, up to ten with one call."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from celery_sqs_fifo.aws import LATE_DELETE_CODES, MAX_BATCH_ENTRIES
from celery_sqs_fifo.backoff import Backoff
from celery_sqs_fifo.consuming.reports import Report, Reporter
from celery_sqs_fifo.consuming.sqs_calls import Answer, Calls
from celery_sqs_fifo.delivery import Delivery
from celery_sqs_fifo.metrics import metrics

logger = logging.getLogger(__name__)


class Acks:
    """Deletes finished messages.

    A call is made when ten messages wait, when no message has followed for `gather_for` and
    `flush_after` seconds together, or `flush_within` seconds after the first, whichever comes
    first. Receives are `gather_for` seconds apart, so the deletes of one receive wait for those of
    the next. A delete that fails is retried. While SQS refuses every delete, one call at a time is
    made, with the delays of `backoff`. A delete that came too late is reported, because SQS will
    deliver the message again.
    """

    def __init__(
        self,
        *,
        calls: Calls,
        queue_url: str,
        gather_for: float,
        flush_after: float,
        flush_within: float,
        backoff: Backoff,
        now: Callable[[], float],
        call_later: Callable[..., Any],
        report: Reporter,
    ) -> None:
        self._calls = calls
        self._queue_url = queue_url
        self._gather_for = gather_for
        self._flush_after = flush_after
        self._flush_within = flush_within
        self._backoff = backoff
        self._now = now
        self._call_later = call_later
        self._report = report
        self._waiting: deque[Delivery] = deque()
        self._sent: set[Delivery] = set()
        self._flush_by = 0.0
        self._not_before = 0.0
        self._due_at = 0.0
        self._wakes_at = inf
        # How many attempts in a row have deleted nothing.
        self._refusals = 0
        self._timer: Any = None

    def add(self, delivery: Delivery) -> None:
        """Delete this message soon."""
        if not self._waiting:
            self._flush_by = self._now() + self._flush_within
        self._waiting.append(delivery)
        if len(self._waiting) >= MAX_BATCH_ENTRIES:
            self._flush_in(0.0)
        else:
            max_delay = self._gather_for + self._flush_after
            self._flush_in(min(max_delay, self._flush_by - self._now()))

    def hurry(self, *, at_once: bool = False) -> None:
        """Send the waiting deletes within `flush_after` seconds, or at once."""
        if self._waiting:
            max_delay = 0.0 if at_once else self._flush_after
            self._flush_by = min(self._flush_by, self._now() + max_delay)
            self._flush_in(self._flush_by - self._now())

    def flush(self) -> None:
        """Send all waiting deletes."""
        self._cancel_timer()
        for _ in range(0, len(self._waiting), MAX_BATCH_ENTRIES):
            self._send_next()

    @property
    def number(self) -> int:
        """Return the number of finished messages with pending deletes."""
        return len(self._waiting) + len(self._sent)

    @property
    def undeleted(self) -> list[Delivery]:
        """Return the finished messages with pending deletes. Their leases must not run out."""
        return [*self._waiting, *self._sent]

    def _flush_in(self, seconds: float) -> None:
        """Flush after this delay, but not before a failed call may be retried."""
        self._due_at = max(self._now() + seconds, self._not_before)
        self._flush_or_wait()

    def _flush_or_wait(self) -> None:
        """Flush if it is time, or else wake up when it is.

        An earlier timer stays and is set again when it fires: most messages postpone the flush, and
        a new timer for each of them would cost more than the delete.
        """
        seconds = self._due_at - self._now()
        if seconds <= 0:
            self._flush_due()
        elif self._due_at < self._wakes_at:
            self._cancel_timer()
            self._wakes_at = self._due_at
            self._timer = self._call_later(seconds, self._wake)

    def _wake(self) -> None:
        self._cancel_timer()
        self._flush_or_wait()

    def _flush_due(self) -> None:
        """Send the waiting deletes. While SQS refuses them, send ten and wait for the answer."""
        if not self._refusals:
            self.flush()
        elif not self._sent:
            self._cancel_timer()
            self._send_next()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._wakes_at = inf

    def _send_next(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(MAX_BATCH_ENTRIES, len(self._waiting)))]
        if batch:
            self._send(batch)

    def _send(self, batch: Sequence[Delivery]) -> None:
        self._sent.update(batch)

        def when_done(answer: Answer, error: str | None) -> None:
            self._sent.difference_update(batch)
            self._apply_answer(batch, answer, error)

        entries = [
            {"Id": str(number), "ReceiptHandle": delivery.receipt_handle}
            for number, delivery in enumerate(batch)
        ]
        self._calls(
            "DeleteMessageBatch", queue_url=self._queue_url, Entries=entries, when_done=when_done
        )

    def _apply_answer(self, batch: Sequence[Delivery], answer: Answer, error: str | None) -> None:
        failed = {int(entry["Id"]): entry["Code"] for entry in answer.get("Failed", ())}
        deleted, late, retried = [], [], []
        for number, delivery in enumerate(batch):
            code = error or failed.get(number)
            if code is None:
                deleted.append(delivery)
            elif code.rpartition(".")[2] in LATE_DELETE_CODES:
                logger.warning(
                    "delete_too_late",
                    extra={**delivery.labels, "message_id": delivery.message_id, "code": code},
                )
                late.append(delivery)
            else:
                retried.append(delivery)
        metrics().deleted.inc(len(deleted))
        metrics().deleted_too_late.inc(len(late))
        self._report(Report.DELETED, deleted)
        self._report(Report.DELETED_TOO_LATE, late)
        if retried:
            logger.warning(
                "delete_failed",
                extra={
                    "messages": len(retried),
                    "error": error or sorted(set(failed.values())),
                },
            )
            self._waiting.extendleft(reversed(retried))
        self._retry_later(retried=len(retried), sent=len(batch))

    def _retry_later(self, *, retried: int, sent: int) -> None:
        """Send the deletes that failed, and those that waited meanwhile, with growing delays."""
        now, was_refused = self._now(), self._refusals > 0
        if retried < sent:
            self._refusals = 0
            self._not_before = now + self._backoff.after(1) if retried else 0.0
        elif now >= self._not_before:
            # Calls that were open at the same time count once.
            self._refusals += 1
            self._not_before = now + self._backoff.after(self._refusals)
        if self._waiting and (retried or was_refused):
            self._flush_in(0.0)
