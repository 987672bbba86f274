"""Measures how long new events waited after a fault."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.latency import Timed
from tests.chaos.schedule import Episode

MAX_RECOVERY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Recovery:
    """The recovery from a fault.

    `seconds` is the time from the end of the fault until the first event that was sent afterwards
    took effect. It is None if no event was sent.
    """

    fault: str
    seconds: float | None

    @property
    def is_too_slow(self) -> bool:
        """Whether the recovery took longer than the goal."""
        return self.seconds is not None and self.seconds > MAX_RECOVERY_SECONDS


def recoveries(
    *, episodes: Sequence[Episode], events: Sequence[Timed], begun_at: float
) -> list[Recovery]:
    """Return the recovery from each fault, measured with the first event sent after its end.

    `events` are the events that were not lost, and that were the first of their group on the queue
    when they were sent. `begun_at` is when the run began, in seconds since the epoch.
    """
    events = sorted(events)
    found = []
    for episode in episodes:
        ended_at = begun_at + episode.ends
        index = bisect_left(events, Timed(ended_at, 0.0))
        seconds = None
        if index < len(events):
            event = events[index]
            seconds = round(event.at + event.seconds - ended_at, 2)
        found.append(Recovery(episode.name, seconds))
    return found
