"""Track what the pool is running, and how much of it suspects may use. No input or output."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from celery_sqs_fifo.consuming.suspects import SLOW_AFTER
from celery_sqs_fifo.delivery import Delivery

# The share of the pool that suspects may use.
SUSPECTS_SHARE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A Celery message that the pool has. The batch of a probe is empty."""

    batch: Sequence[Delivery]
    begun_at: float
    is_of_suspect: bool


class Runs:
    """The runs that the pool has, by delivery tag.

    Suspects may use a quarter of the processes, rounded down, and at least one. In a pool of fewer
    than four processes, one process is more than a quarter. There, suspects rest after each run
    that failed or was slow, long enough to use only a quarter of the pool's time.
    """

    def __init__(self, *, now: Callable[[], float]) -> None:
        self._now = now
        self._runs: dict[str, Run] = {}
        self._rest_until = 0.0

    def __len__(self) -> int:
        return len(self._runs)

    def begin(self, tag: str, batch: Sequence[Delivery], *, is_of_suspect: bool) -> None:
        """Note that a run begins."""
        self._runs[tag] = Run(batch=batch, begun_at=self._now(), is_of_suspect=is_of_suspect)

    def end(self, tag: str) -> Run | None:
        """Remove and return a run that has ended, or return None if there is no such run."""
        return self._runs.pop(tag, None)

    def rest_after(self, run: Run, *, processes: int) -> float:
        """Let suspects rest after a suspect's failed or slow run, and return for how long."""
        share = _max_suspects(processes) / processes
        rest = (self._now() - run.begun_at) * max(0.0, share / SUSPECTS_SHARE - 1)
        self._rest_until = max(self._rest_until, self._now() + rest)
        return rest

    def may_begin_suspect(self, *, processes: int) -> bool:
        """Return whether a run of a suspect may begin now.

        Any run that has already taken long counts as a run of a suspect. In a pool of two
        processes, this leaves at least one to other groups.
        """
        now = self._now()
        if now < self._rest_until:
            return False
        slow = sum(
            run.is_of_suspect or now - run.begun_at >= SLOW_AFTER for run in self._runs.values()
        )
        return slow < _max_suspects(processes)

    @property
    def groups(self) -> set[str]:
        """Return the groups with a running event."""
        return {delivery.group_id for run in self._runs.values() for delivery in run.batch}


def _max_suspects(processes: int) -> int:
    return max(1, int(processes * SUSPECTS_SHARE))
