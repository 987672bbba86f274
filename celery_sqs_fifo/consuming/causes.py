"""Limit the dead letters of each cause, and decide which events are parked instead.

Times are passed in, in seconds of the monotonic clock.
"""

from collections import Counter
from heapq import heapify, heappop, heappush
from typing import TypedDict

from celery_sqs_fifo.aws import MAX_VISIBILITY_SECONDS
from celery_sqs_fifo.delivery import Delivery

HOUR = 3600.0
# The maximum numbers of parked events and of causes that a worker remembers. Further causes are
# counted together as `other`. This bounds memory while a producer sends bad events to many groups.
MAX_REMEMBERED = 10_000
MAX_CAUSES = 1_000
OTHER = "other"
MIN_SECONDS_UNTIL_ROOM = 5.0
# SQS counts twelve hours from the receipt; this leaves time for the call itself.
RESERVE = 60.0


class CauseNumbers(TypedDict):
    """The numbers of dead letters and parked events of one cause, as shown to an operator."""

    cause: str
    quarantined_within_the_hour: int
    parked: int


class Causes:
    """The quota of each cause, and the receipt handles of its parked events."""

    def __init__(self, *, max_quarantined_per_hour: int) -> None:
        self._max_per_hour = max_quarantined_per_hour
        self._quarantined: dict[str, list[float]] = {}
        # A heap of parked events: when each becomes visible, its cause, and its receipt handle.
        self._parked: list[tuple[float, str, str]] = []

    def may_quarantine(self, cause: str, *, now: float) -> bool:
        """Return whether one more event may be quarantined for this cause, and count it if so."""
        self._drop_expired(now)
        times = self._quarantined.get(self._counted_as(cause), [])
        if len(times) >= self._max_per_hour:
            return False
        self._quarantined[self._counted_as(cause)] = [*times, now]
        return True

    def note_parked(self, cause: str, receipt_handle: str, *, until: float) -> None:
        """Note that an event is invisible on SQS until this time."""
        if len(self._parked) < MAX_REMEMBERED:
            heappush(self._parked, (until, self._counted_as(cause), receipt_handle))

    def release(self, cause: str, *, now: float) -> list[str]:
        """Reset the quota of a cause, and return the receipt handles that are parked for it."""
        self._drop_expired(now)
        self._quarantined.pop(cause, None)
        released = [handle for _, its_cause, handle in self._parked if its_cause == cause]
        self._parked = [parked for parked in self._parked if parked[1] != cause]
        heapify(self._parked)
        return released

    def numbers(self, *, now: float) -> list[CauseNumbers]:
        """Return the numbers of all causes, the cause with the most parked events first."""
        self._drop_expired(now)
        parked = Counter(cause for _, cause, _ in self._parked)
        numbers = [
            CauseNumbers(
                cause=cause,
                quarantined_within_the_hour=len(self._quarantined.get(cause, [])),
                parked=parked[cause],
            )
            for cause in {**self._quarantined, **parked}
        ]
        return sorted(
            numbers,
            key=lambda one: (-one["parked"], -one["quarantined_within_the_hour"], one["cause"]),
        )

    def _counted_as(self, cause: str) -> str:
        is_known = cause in self._quarantined or len(self._quarantined) < MAX_CAUSES
        return cause if is_known else OTHER

    def _drop_expired(self, now: float) -> None:
        for cause, times in list(self._quarantined.items()):
            if recent := [at for at in times if now - at < HOUR]:
                self._quarantined[cause] = recent
            else:
                del self._quarantined[cause]
        while self._parked and self._parked[0][0] <= now:
            heappop(self._parked)


def seconds_until_room(*, age: float) -> float:
    """Return how long to park an event for which a worker has no room: a fifth of its age.

    So an event waits for little longer than what it waits for, and is received about 60 times
    within 80% of 14 days. Its receive count says nothing about that, because it also rises with
    each worker that is killed.
    """
    return max(MIN_SECONDS_UNTIL_ROOM, age / 5)


def parking_seconds(
    delivery: Delivery, *, wait: float, now: float, retention_nears_in: float
) -> int:
    """Return how long an event is to be invisible on SQS, in whole seconds, at least one.

    It is `wait`, unless the maximum lease ends earlier, or 80% of the event's retention has passed
    earlier.
    """
    max_wait = MAX_VISIBILITY_SECONDS - RESERVE - (now - delivery.received_at)
    return max(1, int(min(wait, max_wait, retention_nears_in)))
