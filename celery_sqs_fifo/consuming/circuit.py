"""Distinguish failing events from unavailable dependencies, and wait for the dependencies."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from celery_sqs_fifo.backoff import Backoff

logger = logging.getLogger(__name__)

# For this many seconds after a successful probe, a failure does not open the circuit if its cause
# was among the failures before that probe: the probe has shown that the dependencies work.
CLEARED_FOR = 60.0


@dataclass(frozen=True, slots=True)
class _Failure:
    at: float
    cause: str
    may_open: bool


class Circuit:
    """Is open while dependencies are down. Then nothing is received or run, except probes.

    It opens when events of `threshold` groups have failed within `window` seconds because a
    dependency was unavailable. It then calls `run_probe` with growing delays, until `on_probed`
    reports a successful probe. Without `run_probe` it never opens.

    Unexpected failures may be the fault of the events, and so may failures whose cause recurs
    within a minute of a successful probe. Neither opens the circuit by itself. An unexpected
    failure schedules a probe, which is skipped if `needs_probe` returns False by then. Recurring
    failures schedule one when `threshold` groups have failed. The circuit opens if the probe fails
    and `threshold` groups have failed.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float],
        threshold: int,
        window: float,
        backoff: Backoff,
        call_later: Callable[..., Any],
        run_probe: Callable[[], None] | None,
        needs_probe: Callable[[], bool],
        on_closed: Callable[[], None],
    ) -> None:
        self._now = now
        self._threshold = threshold
        self._window = window
        self._backoff = backoff
        self._call_later = call_later
        self._run_probe = run_probe
        self._needs_probe = needs_probe
        self._on_closed = on_closed
        # The latest failure of each group, and when a successful probe last cleared each cause.
        self._failures: dict[str, _Failure] = {}
        self._cleared_at: dict[str, float] = {}
        self._failed_probes = 0
        self._is_probing = False
        self._must_probe = False
        self.is_open = False

    @property
    def is_in_doubt(self) -> bool:
        """Return whether the circuit is closed while a probe is due or running."""
        return self._is_probing and not self.is_open

    def start(self) -> None:
        """Run the probe before anything is received.

        Otherwise, each restart in an outage would increase the receive counts of messages.
        """
        if self._run_probe:
            self.is_open = self._is_probing = True
            self._run_probe()
        else:
            self._on_closed()

    def note_unavailable(self, group_id: str, *, error: str, may_be_own: bool = False) -> None:
        """Note that an event of this group failed because a dependency was unavailable.

        If `may_be_own` (it may be the event's own fault), the circuit opens only after a failed
        probe.
        """
        is_cleared = error in self._cleared_at and not self._is_old(self._cleared_at[error])
        self._note(group_id, error, may_open=not (is_cleared or may_be_own))
        may_open = sum(failure.may_open for failure in self._failures.values())
        if may_open >= self._threshold:
            self._open(error)
        elif len(self._failures) >= self._threshold:
            self._must_probe = True
            self._probe_soon()

    def note_unexpected(self, group_id: str, *, cause: str) -> None:
        """Note that an event of this group failed, possibly through its own fault."""
        self._note(group_id, cause, may_open=False)
        self._probe_soon()

    def on_probed(self, *, succeeded: bool) -> None:
        """Note the end of a probe, and close the circuit if the probe succeeded."""
        self._is_probing = self._must_probe = False
        if succeeded:
            self._close()
            return
        self._failed_probes += 1
        if self._failed_probes == 1:
            logger.warning("probe_failed")
        if self.is_open:
            self._probe_after(self._failed_probes)
        elif len(self._failures) >= self._threshold:
            self._open(max(self._failures.values(), key=lambda failure: failure.at).cause)

    def _note(self, group_id: str, cause: str, *, may_open: bool) -> None:
        now = self._now()
        self._failures[group_id] = _Failure(now, cause, may_open)
        self._failures = {
            group: failure
            for group, failure in self._failures.items()
            if now - failure.at <= self._window
        }

    def _open(self, error: str) -> None:
        if self._run_probe and not self.is_open:
            logger.error("circuit_opened", extra={"error": error})
            self.is_open = True
            self._probe_soon()

    def _close(self) -> None:
        now = self._now()
        if self.is_open and (self._failures or self._failed_probes):
            logger.info("circuit_closed")
        self._cleared_at = {
            **{cause: at for cause, at in self._cleared_at.items() if not self._is_old(at)},
            **{failure.cause: now for failure in self._failures.values()},
        }
        self._failures.clear()
        self._failed_probes = 0
        if self.is_open:
            self.is_open = False
            self._on_closed()

    def _is_old(self, cleared_at: float) -> bool:
        return self._now() - cleared_at > CLEARED_FOR

    def _probe_soon(self) -> None:
        if self._run_probe and not self._is_probing:
            self._probe_after(self._failed_probes + 1)

    def _probe_after(self, failures: int) -> None:
        self._is_probing = True
        self._call_later(self._backoff.after(failures), self._probe_if_needed)

    def _probe_if_needed(self) -> None:
        if self._run_probe and (self.is_open or self._must_probe or self._needs_probe()):
            self._run_probe()
        else:
            self._is_probing = False
