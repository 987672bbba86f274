"""Quarantine events: send their copies to the dead-letter queue until SQS confirms them.

An event must not both take effect and become a dead letter. So a copy is sent only while the lease
of its event is known to last, and an event whose copy is in flight is not given back. `failures.py`
decides which failed events are quarantined, by the failures that `charging.py` has charged to them.
"""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import chain
from time import time
from typing import Any

from celery_sqs_fifo.backoff import Backoff
from celery_sqs_fifo.consuming.dead_letter import dead_letter
from celery_sqs_fifo.consuming.leases import Leases
from celery_sqs_fifo.consuming.reports import Report, Reporter
from celery_sqs_fifo.consuming.sqs_calls import Answer, Calls, LostAnswer
from celery_sqs_fifo.delivery import Delivery, Outcome
from celery_sqs_fifo.metrics import metrics

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Copy:
    """An event to copy.

    `is_sent` is true from the call until its answer, and `is_repeated` after a repeat at shutdown.
    """

    delivery: Delivery
    outcome: Outcome
    is_sent: bool = False
    is_repeated: bool = False
    failures: int = 0


class Quarantine:
    """Copies events to the dead-letter queue, and reports when SQS has confirmed a copy.

    The copies of a group are sent one after the other, so that they arrive in its order. A copy
    that fails is repeated without limit, with growing delays. The deduplication id of a copy is the
    message id of its event, so a repeat within five minutes does not create a second dead letter.
    """

    def __init__(
        self,
        *,
        calls: Calls,
        queue_url: str,
        max_message_bytes: int,
        backoff: Backoff,
        leases: Leases,
        call_later: Callable[..., Any],
        report: Reporter,
    ) -> None:
        self._calls = calls
        self._queue_url = queue_url
        self._max_message_bytes = max_message_bytes
        self._backoff = backoff
        self._leases = leases
        self._call_later = call_later
        self._report = report
        self._stopped = False
        # The copies of each group that are not confirmed. Only the first may be sent.
        self._groups: dict[str, deque[_Copy]] = {}

    def add(self, delivery: Delivery, outcome: Outcome) -> None:
        """Copy an event after those of its group that were added before."""
        copies = self._groups.setdefault(delivery.group_id, deque())
        copies.append(_Copy(delivery, outcome))
        if len(copies) == 1:
            self._try(copies[0])

    def __contains__(self, delivery: Delivery) -> bool:
        """Return whether the copy of an event is not confirmed yet."""
        return any(copy.delivery is delivery for copy in self._groups.get(delivery.group_id, ()))

    @property
    def unsent(self) -> list[Delivery]:
        """Return the events whose copies are not in an open call."""
        copies = chain.from_iterable(self._groups.values())
        return [copy.delivery for copy in copies if not copy.is_sent]

    def drop_from(self, delivery: Delivery) -> list[Delivery]:
        """Drop an event and the later ones of its group, and return them in order."""
        group_id = delivery.group_id
        if delivery not in self:
            return []
        deliveries = [copy.delivery for copy in self._groups[group_id]]
        dropped = deliveries[deliveries.index(delivery) :]
        self._keep(group_id, lambda copy: copy.delivery not in dropped)
        return dropped

    def stop(self) -> list[Delivery]:
        """Send no further copy. Drop and return the events whose copies are not in an open call."""
        self._stopped = True
        unsent = self.unsent
        for group_id in list(self._groups):
            self._keep(group_id, lambda copy: copy.is_sent)
        return unsent

    def _keep(self, group_id: str, is_kept: Callable[[_Copy], bool]) -> None:
        kept = deque(filter(is_kept, self._groups.pop(group_id)))
        if kept:
            self._groups[group_id] = kept

    def _is_next(self, copy: _Copy) -> bool:
        return next(iter(self._groups.get(copy.delivery.group_id, ())), None) is copy

    def _try(self, copy: _Copy) -> None:
        """Send a copy that was not dropped. First renew a lease that could end during the call.

        A call takes less than half of a lease, unless the visibility timeout is very short.
        """
        if not self._is_next(copy):
            return
        if self._leases.is_half_over(copy.delivery):
            self._leases.renew(copy.delivery, when_done=partial(self._when_renewed, copy))
        else:
            self._send(copy)

    def _when_renewed(self, copy: _Copy, error: str | None) -> None:
        if not self._is_next(copy):
            return
        if error:
            self._try_later(copy, error)
        else:
            self._send(copy)

    def _send(self, copy: _Copy) -> None:
        copy.is_sent = True
        self._calls(
            "SendMessage",
            queue_url=self._queue_url,
            when_done=partial(self._when_sent, copy),
            **dead_letter(
                copy.delivery,
                reason=copy.outcome.reason,
                error=copy.outcome.error,
                max_bytes=self._max_message_bytes,
            ),
        )

    def _when_sent(self, copy: _Copy, answer: Answer, error: str | None) -> None:
        copy.is_sent = False
        if error is None and "MessageId" not in answer:
            error = "an answer without a message id"
        if not self._is_next(copy):
            if error is None or isinstance(error, LostAnswer):
                # For example, the process was frozen for longer than the lease.
                logger.error("quarantine_outlived_lease", extra=about(copy.delivery, copy.outcome))
        elif error is None:
            self._confirm(copy)
        elif self._stopped:
            self._refuse(copy, error)
        else:
            self._try_later(copy, error)

    def _confirm(self, copy: _Copy) -> None:
        logger.warning("event_quarantined", extra=about(copy.delivery, copy.outcome))
        _log_end(copy.delivery, copy.outcome)
        metrics().quarantined_for(copy.outcome.reason)
        self._pop(copy)
        self._report(Report.QUARANTINED, [copy.delivery])

    def _refuse(self, copy: _Copy, error: str) -> None:
        """Give an event back at shutdown. First repeat its copy if the answer was lost."""
        if isinstance(error, LostAnswer) and not copy.is_repeated:
            copy.is_repeated = True
            self._send(copy)
            return
        self._log_refused(copy, error)
        self._pop(copy)
        self._report(Report.QUARANTINE_REFUSED, [copy.delivery])

    def _try_later(self, copy: _Copy, error: str) -> None:
        copy.failures += 1
        self._log_refused(copy, error)
        self._call_later(self._backoff.after(copy.failures), self._try, copy)

    def _log_refused(self, copy: _Copy, error: str) -> None:
        logger.error(
            "quarantine_refused", extra={**about(copy.delivery, copy.outcome), "error": error}
        )

    def _pop(self, copy: _Copy) -> None:
        """Remove a copy, and send the next one of its group."""
        copies = self._groups[copy.delivery.group_id]
        copies.popleft()
        if copies:
            self._try(copies[0])
        else:
            del self._groups[copy.delivery.group_id]


def about(delivery: Delivery, outcome: Outcome) -> dict[str, Any]:
    """Return the log fields of a delivery: ids and reasons, and none of its content."""
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
    """Log the end of an event. For an event that succeeds, the pool process logs this line."""
    if not delivery.is_celery:
        fields = {
            **about(delivery, outcome),
            "outcome": outcome.result.value,
            "since_sent_ms": int(time() * 1000) - delivery.place.queue_time,
        }
        logger.info("event_ended", extra=fields)
