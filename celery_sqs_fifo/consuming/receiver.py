"""Long polls: one open at a time, as long as there is room for more, whatever the network does."""

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

# The HTTP client ends each request; this replaces one that it does not end, in seconds after the
# end of the long poll.
OVERSTAYS_AFTER = MAX_TRANSFER_SECONDS + 10.0
# SQS repeats an attempt within five minutes (ReceiveMessage, "ReceiveRequestAttemptId").
REPEAT_WITHIN = 240.0


class Receiver:
    """Receives while `wants_more` says so; `on_received` gets what came. Never gives up.

    `last_success` is when a receive last succeeded, in seconds of the monotonic clock, and `lag`
    for how many seconds the oldest message that it gave had been queued; 0 if it gave none.
    """

    def __init__(
        self,
        *,
        calls: Calls,
        queue_url: str,
        wait_time: int,
        visibility_timeout: int,
        backoff: Backoff,
        call_later: Callable[..., Any],
        wants_more: Callable[[], bool],
        on_received: Callable[[list[Delivery]], None],
    ) -> None:
        self._calls = calls
        self._queue_url = queue_url
        self._wait_time = wait_time
        self._visibility_timeout = visibility_timeout
        self._backoff = backoff
        self._call_later = call_later
        self._wants_more = wants_more
        self._on_received = on_received
        # While a long poll is open, or its next try is not due.
        self._is_busy = False
        self._failures = 0
        # The newest poll; an answer to an earlier one comes too late.
        self._poll = 0
        self._asked_at = 0.0
        self._replace_at = inf
        self._attempt_id = ""
        self._attempted_at = 0.0
        self.last_success = monotonic()
        self.lag = 0.0

    def receive(self) -> None:
        """Open a long poll, unless one is open or waits for its next try, or enough is held.

        One that should have ended long ago is replaced.
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
            # It was replaced; the attempt that was repeated for it gets the same messages.
            return
        if error:
            self._retry_later(error)
            return
        self._replace_at = inf
        self._attempt_id = ""
        if self._failures:
            logger.info("receive_recovered", extra={"failures": self._failures})
        self._failures = 0
        self._is_busy = False
        self.last_success = monotonic()
        try:
            deliveries = self._deliveries(answer)
            self._count(deliveries)
            self._on_received(deliveries)
        finally:
            self.receive()

    def _deliveries(self, answer: Answer) -> list[Delivery]:
        """The messages of an answer; one that cannot be read must not keep the others.

        Their leases began at some time since SQS was asked: they are taken to be no younger. SQS
        fills an answer from one group after the other, so the last group of a full one most likely
        has more (SQS, "FIFO queue delivery logic").
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
        metrics().received.inc(len(deliveries))
        metrics().redelivered.inc(sum(delivery.receive_count > 1 for delivery in deliveries))

    def _retry_later(self, error: str) -> None:
        """Try again, with the same attempt if SQS may have given messages that did not arrive."""
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
