"""Telling a failing event from dependencies that are down for all, and waiting for those."""

import logging
from collections.abc import Callable
from typing import Any

from celery_sqs_fifo.backoff import Backoff

logger = logging.getLogger(__name__)


class Circuit:
    """Open while dependencies are down: nothing is received or run then, except probes.

    It opens when events of `threshold` groups have met an unavailable dependency within `window`
    seconds; `run_probe` is then called, with growing delays, until `on_probed` is told that one
    succeeded. Without `run_probe` it never opens.
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
        on_closed: Callable[[], None],
    ) -> None:
        self._now = now
        self._threshold = threshold
        self._window = window
        self._backoff = backoff
        self._call_later = call_later
        self._run_probe = run_probe
        self._on_closed = on_closed
        self._failed_at: dict[str, float] = {}
        self._failed_probes = 0
        self.is_open = False

    def start(self) -> None:
        """Probe before anything is received: restarts in an outage must not use up receipts."""
        if self._run_probe:
            self.is_open = True
            self._run_probe()
        else:
            self._on_closed()

    def note_unavailable(self, group_id: str, *, error: str) -> None:
        """An event of this group met an unavailable dependency."""
        now = self._now()
        self._failed_at[group_id] = now
        self._failed_at = {
            group: at for group, at in self._failed_at.items() if now - at <= self._window
        }
        is_general = len(self._failed_at) >= self._threshold
        if self._run_probe and is_general and not self.is_open:
            logger.error("circuit_opened", extra={"error": error})
            self.is_open = True
            self._call_later(self._backoff.first, self._run_probe)

    def on_probed(self, *, succeeded: bool) -> None:
        """A probe has ended."""
        if succeeded:
            if self._failed_at or self._failed_probes:
                logger.info("circuit_closed")
            self._failed_at.clear()
            self._failed_probes = 0
            self.is_open = False
            self._on_closed()
            return
        self._failed_probes += 1
        if self._failed_probes == 1:
            logger.warning("probe_failed")
        self._call_later(self._backoff.after(self._failed_probes), self._run_probe)
