"""Decide which unexpected failures count against their events. No input, output or clock.

A failure that affects many events is an outage, whatever exception it raises. An unexpected failure
is therefore charged to its event only if another event of its kind, or the probe, begins to run
after the failure and succeeds. Events of other kinds may not use the part that failed.

A lost process does not show either who ended it. If an event whose process was lost succeeds later,
something else ended its process, such as an operator or the kernel, and probably other processes
too. So one lost process of each other event is then forgiven.
"""

from collections.abc import Callable, Iterable

from celery_sqs_fifo.delivery import Delivery, Outcome, Result

LOST = Outcome(Result.BUG, "lost", "the process that ran it was lost, or it ran into a time limit")
MAX_CAUSE_CHARACTERS = 200


class Charging:
    """Charges failures to events. After `max_runs` charged failures an event has used up its runs.

    Runs are numbered in the order in which they begin. A run that began before an event failed
    does not count, because the outage may have begun after the start of that run.
    """

    def __init__(self, *, max_runs: int) -> None:
        self._max_runs = max_runs
        self._begun = 0
        self._has_uncharged = False

    @property
    def has_uncharged(self) -> bool:
        """Return whether there was a failure and no run that began after it has succeeded."""
        return self._has_uncharged

    def begin(self, batch: Iterable[Delivery] = ()) -> int:
        """Note that a run of a batch, or of the probe, begins, and return its number."""
        self._begun += 1
        for delivery in batch:
            delivery.begun = self._begun
        return self._begun

    def note_failure(self, delivery: Delivery, outcome: Outcome) -> None:
        """Note that an event failed. An unavailable dependency is never charged."""
        delivery.failed_after = self._begun if outcome.result is Result.BUG else None
        self._has_uncharged |= delivery.failed_after is not None

    def forgive_lost(self, held: Iterable[Delivery]) -> None:
        """Forgive one lost process of each `held` event: another event has recovered from its own.

        A failure that is not charged yet is forgiven first.
        """
        for delivery in held:
            if delivery.failure != LOST:
                continue
            if delivery.failed_after is not None:
                delivery.failed_after = None
            elif delivery.bugs:
                delivery.bugs -= 1

    def note_success(
        self, begun: int, *, held: Iterable[Delivery], proves: Callable[[Delivery], bool]
    ) -> list[Delivery]:
        """Charge the failures of `held` events that are older than the successful run `begun`.

        `proves` is called with a held event, and returns whether the run proves that everything
        that this event needs works. Return the events that have now used up their runs.
        """
        if not self._has_uncharged:
            return []
        uncharged = [delivery for delivery in held if delivery.failed_after is not None]
        charged = [
            delivery
            for delivery in uncharged
            if delivery.failed_after in range(begun) and proves(delivery)
        ]
        for delivery in charged:
            delivery.failed_after = None
            delivery.bugs += 1
        self._has_uncharged = len(charged) < len(uncharged)
        return [delivery for delivery in charged if delivery.bugs >= self._max_runs]


def cause_of(outcome: Outcome) -> str:
    """Return the name of the cause of an unexpected failure.

    It is the innermost place in the code and the exception's type, as in `error_location`. For a
    lost process it is the outcome's reason.
    """
    if outcome == LOST or not outcome.error:
        return outcome.reason
    return " > ".join(outcome.error.split(" > ")[-2:])[:MAX_CAUSE_CHARACTERS]
