"""Long polling: one poll at a time, while there is room for more messages.

After a receive that was not full, the next one waits, so that messages share calls.
"""

import logging
from collections.abc import Callable
from functools import partial
from math import inf
from time import monotonic, time
from typing import Any
from uuid import uuid4

from celery_sqs_fifo.aws import MAX_BATCH_ENTRIES, SYSTEM_ATTRIBUTES
from celery_sqs_fifo.backoff import Backoff
from celery_sqs_fifo.consuming.http import MAX_TRANSFER_SECONDS
from celery_sqs_fifo.consuming.sqs_calls import Answer, Calls, LostAnswer
from celery_sqs_fifo.delivery import Delivery
from celery_sqs_fifo.errors import error_location
from celery_sqs_fifo.metrics import metrics

logger = logging.getLogger(__name__)

# The HTTP client should end every request. A poll that is still open this many seconds after its
# wait time is replaced.
OVERSTAYS_AFTER = MAX_TRANSFER_SECONDS + 10.0
# How many seconds longer than messages gather a message of a backlog has been queued at least.
BACKLOG_AFTER = 1.0
# SQS returns the same messages for a repeated attempt within five minutes (ReceiveMessage,
# "ReceiveRequestAttemptId"). In seconds.
REPEAT_WITHIN = 240.0


class Receiver:
    """Receives while `wants_more` returns true, and passes the deliveries to `on_received`.

    A failed receive is retried without limit. `gather_for` is the time in seconds between a receive
    that was not full and the next one. `has_backlog` is whether SQS most likely has more messages
    than the last receive returned. `last_success` is the time of the last successful
    receive, in seconds of the monotonic clock. `lag` is how long the oldest message of that receive
    had been queued, in seconds, or 0 if the receive returned no messages.
    """

    def __init__(
        self,
        *,
        calls: Calls,
        queue_url: str,
        wait_time: int,
        gather_for: float,
        visibility_timeout: int,
        backoff: Backoff,
        call_later: Callable[..., Any],
        wants_more: Callable[[], bool],
        on_received: Callable[[list[Delivery]], None],
    ) -> None:
        self._calls = calls
        self._queue_url = queue_url
        self._wait_time = wait_time
        self._gather_for = gather_for
        self._visibility_timeout = visibility_timeout
        self._backoff = backoff
        self._call_later = call_later
        self._wants_more = wants_more
        self._on_received = on_received
        # True while a long poll is open, or the next one is scheduled.
        self._is_busy = False
        self._failures = 0
        # The number of the newest poll. Responses to earlier polls are ignored.
        self._poll = 0
        self._asked_at = 0.0
        self._replace_at = inf
        self._attempt_id = ""
        self._attempted_at = 0.0
        self.has_backlog = False
        self.last_success = monotonic()
        self.lag = 0.0

    def receive(self) -> None:
        """Open a long poll, unless one is open or scheduled, or there is no room.

        A poll that has been open for too long is replaced.
        """
        if monotonic() > self._replace_at:
            self._poll += 1
            self._retry_later(LostAnswer("the call never ended"))
        if not self._is_busy and self._wants_more():
            self._open()

    def _open(self) -> None:
        self._is_busy = True
        self._poll += 1
        self._asked_at = now = monotonic()
        self._replace_at = now + self._wait_time + OVERSTAYS_AFTER
        if not self._attempt_id or now - self._attempted_at > REPEAT_WITHIN:
            self._attempt_id, self._attempted_at = uuid4().hex, now
        self._calls(
            "ReceiveMessage",
            queue_url=self._queue_url,
            MaxNumberOfMessages=MAX_BATCH_ENTRIES,
            WaitTimeSeconds=self._wait_time,
            VisibilityTimeout=self._visibility_timeout,
            ReceiveRequestAttemptId=self._attempt_id,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=list(SYSTEM_ATTRIBUTES),
            when_done=partial(self._when_done, self._poll),
        )

    def _when_done(self, poll: int, answer: Answer, error: str | None) -> None:
        if poll != self._poll:
            # The poll was replaced. The repeated attempt receives the same messages.
            return
        if error:
            self._retry_later(error)
            return
        self._replace_at = inf
        self._attempt_id = ""
        if self._failures:
            logger.info("receive_recovered", extra={"failures": self._failures})
        self._failures = 0
        self.last_success = monotonic()
        try:
            deliveries = self._deliveries(answer)
            self._count(deliveries)
            self._on_received(deliveries)
        finally:
            self._receive_next(gathers=bool(answer.get("Messages")) and not self.has_backlog)

    def _receive_next(self, *, gathers: bool) -> None:
        """Open the next poll, or schedule it if messages are gathered meanwhile."""
        if gathers and self._gather_for:
            self._call_later(self._gather_for, self._try_again)
        else:
            self._try_again()

    def _deliveries(self, answer: Answer) -> list[Delivery]:
        """Return the readable messages of an answer as deliveries, and log the unreadable ones.

        The leases are counted from the time of the request, because the exact start is unknown.
        SQS fills an answer group by group, so the last group of a full answer most likely has
        more messages (SQS, "FIFO queue delivery logic").
        """
        deliveries = []
        for message in answer.get("Messages", ()):
            try:
                delivery = Delivery.from_sqs(
                    message, now=self._asked_at, lease=self._visibility_timeout
                )
            except (KeyError, ValueError, TypeError) as error:
                logger.error("message_unreadable", extra={"error": error_location(error)})
            else:
                deliveries.append(delivery)
        is_full = len(deliveries) == MAX_BATCH_ENTRIES
        for delivery in deliveries:
            delivery.has_backlog = is_full and delivery.group_id == deliveries[-1].group_id
        return deliveries

    def _count(self, deliveries: list[Delivery]) -> None:
        queued_at = min((delivery.queued_at / 1000 for delivery in deliveries), default=None)
        self.lag = 0.0 if queued_at is None else max(0.0, time() - queued_at)
        # SQS may return fewer than ten messages although it has more.
        is_full = len(deliveries) == MAX_BATCH_ENTRIES
        self.has_backlog = is_full or self.lag > self._gather_for + BACKLOG_AFTER
        metrics().received.inc(len(deliveries))
        metrics().redelivered.inc(sum(delivery.receive_count > 1 for delivery in deliveries))

    def _retry_later(self, error: str) -> None:
        """Retry later, with the same attempt id if a response may have been lost."""
        if not self._failures:
            logger.warning("receive_failed", extra={"error": error})
        self._failures += 1
        self._replace_at = inf
        if not isinstance(error, LostAnswer):
            self._attempt_id = ""
        self._call_later(self._backoff.after(self._failures), self._try_again)

    def _try_again(self) -> None:
        self._is_busy = False
        self.receive()
