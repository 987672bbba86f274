"""Renew the leases of held messages, and make messages visible again to give them back."""

import logging
from collections.abc import Callable, Container, Iterable, Sequence

from celery_sqs_fifo.aws import MAX_BATCH_ENTRIES
from celery_sqs_fifo.consuming.reports import Report, Reporter
from celery_sqs_fifo.consuming.sqs_calls import Answer, Calls
from celery_sqs_fifo.delivery import Delivery

logger = logging.getLogger(__name__)


class Leases:
    """Changes the leases of received messages. `timeout` is their length in whole seconds."""

    def __init__(
        self,
        *,
        calls: Calls,
        queue_url: str,
        timeout: int,
        now: Callable[[], float],
        report: Reporter,
    ) -> None:
        self._calls = calls
        self._queue_url = queue_url
        self._timeout = timeout
        self._now = now
        self._report = report

    def extend(self, deliveries: Iterable[Delivery]) -> None:
        """Renew the leases that are more than half over, and report the lost ones."""
        half_over = self._now() + self._timeout / 2
        due = [delivery for delivery in deliveries if delivery.lease_until < half_over]
        for start in range(0, len(due), MAX_BATCH_ENTRIES):
            self._renew(due[start : start + MAX_BATCH_ENTRIES])

    def release(self, deliveries: Iterable[Delivery]) -> None:
        """Give messages back. Any worker may receive them at once, in the order of their group."""
        self.make_visible([delivery.receipt_handle for delivery in deliveries])

    def make_visible(self, receipt_handles: Sequence[str]) -> None:
        """Make the messages of these receipt handles visible at once."""
        for start in range(0, len(receipt_handles), MAX_BATCH_ENTRIES):
            self._change(receipt_handles[start : start + MAX_BATCH_ENTRIES], 0)

    def park(self, delivery: Delivery, seconds: int) -> None:
        """Make a message invisible to all workers for this number of seconds."""
        self._change([delivery.receipt_handle], seconds)

    def is_nearly_over(self, delivery: Delivery) -> bool:
        """Return whether too little of the lease is left to start a run of the message."""
        return delivery.lease_until - self._now() < self._timeout / 10

    def _renew(self, batch: Sequence[Delivery]) -> None:
        called_at = self._now()

        def when_changed(failed: Container[int]) -> None:
            for number, delivery in enumerate(batch):
                if number in failed:
                    self._report(Report.LEASE_LOST, delivery)
                else:
                    delivery.lease_until = called_at + self._timeout

        handles = [delivery.receipt_handle for delivery in batch]
        self._change(handles, self._timeout, when_changed=when_changed)

    def _change(
        self,
        receipt_handles: Sequence[str],
        timeout: int,
        *,
        when_changed: Callable[[Container[int]], None] = lambda _failed: None,
    ) -> None:
        """Make one call, and pass the indexes of the refused receipt handles to `when_changed`."""

        def when_done(answer: Answer, error: str | None) -> None:
            failed = {int(entry["Id"]) for entry in answer.get("Failed", ())}
            if error or failed:
                logger.warning(
                    "lease_change_failed",
                    extra={
                        "messages": len(failed) or len(receipt_handles),
                        "error": error or "see SQS",
                    },
                )
            if not error:
                when_changed(failed)

        entries = [
            {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": timeout}
            for number, handle in enumerate(receipt_handles)
        ]
        self._calls(
            "ChangeMessageVisibilityBatch",
            queue_url=self._queue_url,
            Entries=entries,
            when_done=when_done,
        )
