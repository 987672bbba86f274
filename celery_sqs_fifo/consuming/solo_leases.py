"""Renew leases from a thread while a task runs in the main process (`--pool solo`).

Such a task blocks the event loop, which normally renews the leases. Without the thread, SQS would
deliver the running events again after one visibility timeout, and another worker would run them at
the same time.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic
from typing import Any

from celery.signals import worker_process_init

from celery_sqs_fifo.aws import MAX_BATCH_ENTRIES
from celery_sqs_fifo.delivery import Delivery
from celery_sqs_fifo.errors import error_location

logger = logging.getLogger(__name__)


class MainProcess:
    """Notes whether this process runs tasks itself.

    Celery sends `worker_process_init` in each process that runs tasks: in the main process only
    under the solo pool. The pool is made after the broker's transport is imported, and before the
    first message is received.
    """

    runs_tasks = False


@worker_process_init.connect
def _note_process(**_signal: Any) -> None:
    MainProcess.runs_tasks = True


class LeaseRenewal:
    """Renews the leases of a queue's messages from a thread.

    `client` is a boto3 client, which may be used from any thread. `timeout` is the length of a
    lease. A lease is not renewed after `max_hold` seconds, because SQS ends it soon after.
    """

    def __init__(self, *, client: Any, queue_url: str, timeout: int, max_hold: float) -> None:
        self._client = client
        self._queue_url = queue_url
        self._timeout = timeout
        self._max_hold = max_hold

    @contextmanager
    def of(self, deliveries: Sequence[Delivery]) -> Iterator[None]:
        """Renew the leases of these messages until the `with` block ends."""
        is_over = Event()
        thread = Thread(
            target=self._renew, args=(deliveries, is_over), name="sqs-leases", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            # A renewal must not arrive after the delete or the release of its message.
            thread.join()

    def _renew(self, deliveries: Sequence[Delivery], is_over: Event) -> None:
        while not is_over.wait(self._timeout / 10):
            oldest_receipt = monotonic() - self._max_hold
            held = [one for one in deliveries if one.received_at > oldest_receipt]
            for start in range(0, len(held), MAX_BATCH_ENTRIES):
                try:
                    self._renew_batch(held[start : start + MAX_BATCH_ENTRIES])
                except Exception as error:
                    logger.warning(
                        "lease_change_failed",
                        extra={"messages": len(held), "error": error_location(error)},
                    )

    def _renew_batch(self, batch: Sequence[Delivery]) -> None:
        called_at = monotonic()
        answer = self._client.change_message_visibility_batch(
            QueueUrl=self._queue_url,
            Entries=[
                {
                    "Id": str(number),
                    "ReceiptHandle": delivery.receipt_handle,
                    "VisibilityTimeout": self._timeout,
                }
                for number, delivery in enumerate(batch)
            ],
        )
        refused = {int(entry["Id"]): entry["Code"] for entry in answer.get("Failed", ())}
        for number, delivery in enumerate(batch):
            if number not in refused:
                delivery.lease_until = called_at + self._timeout
        if refused:
            logger.warning(
                "lease_change_failed",
                extra={"messages": len(refused), "error": sorted(set(refused.values()))},
            )
