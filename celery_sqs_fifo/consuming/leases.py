"""Keeping messages invisible to others while they are held here, and giving them back."""

import logging
from collections.abc import Callable, Iterable, Sequence

from celery_sqs_fifo.aws import MAX_BATCH_ENTRIES
from celery_sqs_fifo.consuming.sqs_calls import Answer, Calls
from celery_sqs_fifo.delivery import Delivery

logger = logging.getLogger(__name__)


class Leases:
    """The leases of received messages; `timeout` is their length in whole seconds."""

    def __init__(
        self,
        *,
        calls: Calls,
        queue_url: str,
        timeout: int,
        now: Callable[[], float],
        on_lost: Callable[[Delivery], None],
    ) -> None:
        self._calls = calls
        self._queue_url = queue_url
        self._timeout = timeout
        self._now = now
        self._on_lost = on_lost

    def extend(self, deliveries: Iterable[Delivery]) -> None:
        """Renew the leases of which less than half is left; report those that are lost."""
        half = self._now() + self._timeout / 2
        self._change([d for d in deliveries if d.lease_until < half], self._timeout)

    def release(self, deliveries: Iterable[Delivery]) -> None:
        """Give messages back: others may receive them at once, in the order of their group."""
        self._change(list(deliveries), 0)

    def is_nearly_over(self, delivery: Delivery) -> bool:
        """Whether too little of the lease is left to begin running it."""
        return delivery.lease_until - self._now() < self._timeout / 10

    def _change(self, deliveries: Sequence[Delivery], timeout: int) -> None:
        for start in range(0, len(deliveries), MAX_BATCH_ENTRIES):
            self._send(deliveries[start : start + MAX_BATCH_ENTRIES], timeout)

    def _send(self, batch: Sequence[Delivery], timeout: int) -> None:
        asked_at = self._now()

        def when_done(answer: Answer, error: str | None) -> None:
            failed = {int(entry["Id"]): entry["Code"] for entry in answer.get("Failed", ())}
            if error or failed:
                logger.warning(
                    "lease_change_failed",
                    extra={"messages": len(failed) or len(batch), "error": error or "see SQS"},
                )
            if error or not timeout:
                return
            for number, delivery in enumerate(batch):
                if number in failed:
                    self._on_lost(delivery)
                else:
                    delivery.lease_until = asked_at + timeout

        entries = [
            {
                "Id": str(number),
                "ReceiptHandle": delivery.receipt_handle,
                "VisibilityTimeout": timeout,
            }
            for number, delivery in enumerate(batch)
        ]
        self._calls(
            "ChangeMessageVisibilityBatch",
            queue_url=self._queue_url,
            Entries=entries,
            when_done=when_done,
        )
