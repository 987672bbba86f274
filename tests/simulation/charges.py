"""Checks the rules by which a worker in a random schedule charges failures to events.

Violations are noted in the journal.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from celery_sqs_fifo import Options, Outcome, Result
from celery_sqs_fifo.consuming.charging import LOST
from celery_sqs_fifo.delivery import Delivery
from tests.simulation.events import BUG, Journal
from tests.simulation.sqs import CHANGE

CAUSES = {"bug": BUG.error, "lost": LOST.reason}
HOUR = 3600.0


class ChargeRules:
    """Checks the runs, the copies and the parked messages of one worker."""

    def __init__(
        self,
        *,
        journal: Journal,
        options: Options,
        now: Callable[[], float],
        has_parked: Callable[[str], bool],
        set_aside: Callable[[], int],
    ) -> None:
        self._journal = journal
        self._options = options
        self._now = now
        self._has_parked = has_parked
        self._set_aside = set_aside
        self._moments = count(1)
        self._begun: dict[str, int] = {}
        # By receipt handle: the message id, the moment of an uncharged failure, the number of
        # charged failures, and the latest cause.
        self._messages: dict[str, str] = {}
        self._failed_at: dict[str, int] = {}
        self._charged: defaultdict[str, int] = defaultdict(int)
        self._cause: dict[str, str] = {}
        # The times at which copies were decided, by cause.
        self._copied_at: defaultdict[str, list[float]] = defaultdict(list)

    def note_begun(self, tag: str) -> None:
        """Note that a run begins."""
        self._begun[tag] = next(self._moments)

    def note_success(self, tag: str) -> None:
        """Note that a run has succeeded. The failures before its start are now charged."""
        charged = [handle for handle, at in self._failed_at.items() if at < self._begun[tag]]
        for handle in charged:
            del self._failed_at[handle]
            self._charged[handle] += 1

    def note_outcomes(
        self, tag: str, batch: Sequence[Delivery], outcomes: Sequence[Outcome]
    ) -> None:
        """Note the outcomes of a batch. Only the first failed event of a group counts."""
        failed_groups: set[str] = set()
        for delivery, outcome in zip(batch, outcomes, strict=True):
            handle = delivery.receipt_handle
            self._messages[handle] = delivery.message_id
            self._failed_at.pop(handle, None)
            if outcome.result is Result.BUG and delivery.group_id not in failed_groups:
                self._failed_at[handle] = next(self._moments)
                self._cause[handle] = CAUSES[outcome.reason]
            if outcome.result not in (Result.DONE, Result.INVALID):
                failed_groups.add(delivery.group_id)
        is_done = [outcome.result is Result.DONE for outcome in outcomes]
        if any(is_done) and not batch[0].is_celery:
            self.note_success(tag)

    def note_released(self, cause: str) -> None:
        """Note that an operator has reset the quota of a cause."""
        self._copied_at[cause].clear()

    def on_call(self, action: str, parameters: dict[str, Any]) -> None:
        """Check messages that are parked."""
        if action == CHANGE:
            for entry in parameters["Entries"]:
                is_parked = self._has_parked(entry["ReceiptHandle"])
                if entry["VisibilityTimeout"] and is_parked:
                    self._check_parked(entry["ReceiptHandle"])

    def check_copy(self, handle: str, outcome: Outcome) -> None:
        """Check that an event may be copied to the dead-letter queue now."""
        cause = CAUSES.get(outcome.reason)
        if cause is None or self._journal.is_old(self._messages[handle]):
            return
        message_id = self._messages[handle]
        if self._charged[handle] < self._options.max_bug_runs:
            self._complain(message_id, "is quarantined for failures that it did not cause")
        if self._lately(cause) >= self._options.max_quarantined_per_cause:
            self._complain(message_id, "is quarantined beyond the quota of its cause")
        self._copied_at[cause].append(self._now())

    def _check_parked(self, handle: str) -> None:
        """Check that a message is parked for its cause, or by a worker that has no room for it."""
        if self._set_aside() >= self._options.max_set_aside:
            return
        if handle not in self._messages:
            self._journal.violations.append(f"{handle} is parked before it ran")
            return
        message_id = self._messages[handle]
        if self._charged[handle] < self._options.max_bug_runs:
            self._complain(message_id, "is parked for failures that it did not cause")
        if self._lately(self._cause[handle]) < self._options.max_quarantined_per_cause:
            self._complain(message_id, "is parked although the quota of its cause is not used up")

    def _lately(self, cause: str) -> int:
        return sum(self._now() - at < HOUR for at in self._copied_at[cause])

    def _complain(self, message_id: str, what: str) -> None:
        self._journal.violations.append(f"{self._journal.of(message_id)} {what}")
