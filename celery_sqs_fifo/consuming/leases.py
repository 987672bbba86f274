"""Renew the leases of held messages, and make messages visible again to give them back."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from celery_sqs_fifo.aws import LATE_DELETE_CODES, MAX_BATCH_ENTRIES
from celery_sqs_fifo.backoff import Backoff
from celery_sqs_fifo.consuming.reports import Report, Reporter
from celery_sqs_fifo.consuming.sqs_calls import Answer, Calls
from celery_sqs_fifo.delivery import Delivery

logger = logging.getLogger(__name__)

# At shutdown there is no time for delays between the attempts to give messages back.
MAX_RELEASES_AT_THE_END = 3

# Called with the codes of refused entries by their index, and the error of the whole call or None.
WhenChanged = Callable[[Mapping[int, str], str | None], None]


@dataclass(slots=True, eq=False, kw_only=True)
class _Release:
    """Messages to make visible. `until` is when the last of their leases ends."""

    receipt_handles: Sequence[str]
    until: float
    failures: int = 0


class Leases:
    """Changes the leases of received messages. `timeout` is their length in whole seconds."""

    def __init__(
        self,
        *,
        calls: Calls,
        queue_url: str,
        timeout: int,
        backoff: Backoff,
        now: Callable[[], float],
        call_later: Callable[..., Any],
        report: Reporter,
    ) -> None:
        self._calls = calls
        self._queue_url = queue_url
        self._timeout = timeout
        self._backoff = backoff
        self._now = now
        self._call_later = call_later
        self._report = report
        # Releases that failed and wait for their next attempt.
        self._failed: list[_Release] = []

    def extend(self, deliveries: Iterable[Delivery]) -> None:
        """Renew the leases that are more than half over, and report the lost ones."""
        due = [delivery for delivery in deliveries if self.is_half_over(delivery)]
        for start in range(0, len(due), MAX_BATCH_ENTRIES):
            self._renew(due[start : start + MAX_BATCH_ENTRIES])

    def renew(self, delivery: Delivery, *, when_done: Callable[[str | None], None]) -> None:
        """Renew a lease, and call `when_done` with None, or with the error if that failed.

        A lost lease is reported instead, and `when_done` is not called.
        """
        self._renew([delivery], when_done=when_done)

    def release(self, deliveries: Iterable[Delivery]) -> None:
        """Give messages back. Any worker may receive them at once, in the order of their group."""
        given_back = list(deliveries)
        self.make_visible(
            [delivery.receipt_handle for delivery in given_back],
            until=max((delivery.lease_until for delivery in given_back), default=0.0),
        )

    def make_visible(self, receipt_handles: Sequence[str], *, until: float) -> None:
        """Make the messages of these receipt handles visible at once.

        A call that fails is repeated with growing delays until `until`, when the messages become
        visible by themselves. Until then SQS keeps their groups locked, and a lease may last for
        twelve hours.
        """
        for start in range(0, len(receipt_handles), MAX_BATCH_ENTRIES):
            batch = receipt_handles[start : start + MAX_BATCH_ENTRIES]
            self._release(_Release(receipt_handles=batch, until=until))

    def release_failed(self) -> None:
        """Repeat the failed releases now, because the worker stops."""
        failed, self._failed = self._failed, []
        for release in failed:
            self._release(release)

    def park(self, delivery: Delivery, seconds: int) -> None:
        """Make a message invisible to all workers for this number of seconds."""
        self._change([delivery.receipt_handle], seconds)

    def is_half_over(self, delivery: Delivery) -> bool:
        """Return whether half of a lease has passed since its last renewal."""
        return delivery.lease_until < self._now() + self._timeout / 2

    def is_nearly_over(self, delivery: Delivery) -> bool:
        """Return whether too little of the lease is left to start a run of the message."""
        return delivery.lease_until - self._now() < self._timeout / 10

    def _renew(
        self,
        batch: Sequence[Delivery],
        *,
        when_done: Callable[[str | None], None] = lambda _error: None,
    ) -> None:
        called_at = self._now()

        def when_changed(refused: Mapping[int, str], error: str | None) -> None:
            if error:
                when_done(error)
                return
            for number, delivery in enumerate(batch):
                code = refused.get(number)
                if code is None:
                    delivery.lease_until = called_at + self._timeout
                    when_done(None)
                elif _has_ended(code):
                    self._report(Report.LEASE_LOST, [delivery])
                else:
                    when_done(code)

        handles = [delivery.receipt_handle for delivery in batch]
        self._change(handles, self._timeout, when_changed=when_changed)

    def _release(self, release: _Release) -> None:
        def when_changed(refused: Mapping[int, str], error: str | None) -> None:
            handles = release.receipt_handles
            left = [
                handle
                for number, handle in enumerate(handles)
                if error or (number in refused and not _has_ended(refused[number]))
            ]
            if left:
                release.receipt_handles = left
                self._release_later(release)

        self._change(release.receipt_handles, 0, when_changed=when_changed)

    def _release_later(self, release: _Release) -> None:
        release.failures += 1
        if self._calls.wait:
            if release.failures < MAX_RELEASES_AT_THE_END:
                self._release(release)
            return
        delay = self._backoff.after(release.failures)
        if self._now() + delay < release.until:
            self._failed.append(release)
            self._call_later(delay, self._release_again, release)

    def _release_again(self, release: _Release) -> None:
        if release in self._failed:
            self._failed.remove(release)
            self._release(release)

    def _change(
        self,
        receipt_handles: Sequence[str],
        timeout: int,
        *,
        when_changed: WhenChanged = lambda _refused, _error: None,
    ) -> None:
        """Make one call, and pass its result to `when_changed`."""

        def when_done(answer: Answer, error: str | None) -> None:
            refused = {int(entry["Id"]): str(entry["Code"]) for entry in answer.get("Failed", ())}
            if error or refused:
                logger.warning(
                    "lease_change_failed",
                    extra={
                        "messages": len(refused) or len(receipt_handles),
                        "error": error or sorted(set(refused.values())),
                    },
                )
            when_changed(refused, error)

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


def _has_ended(code: str) -> bool:
    """Return whether SQS refused a change because the lease had ended before."""
    return code.rpartition(".")[2] in LATE_DELETE_CODES
