"""Decide when to receive while the circuit is open, to save events before their retention ends.

No input or output. Times are in seconds of the monotonic clock.
"""

from collections.abc import Callable
from math import inf

from celery_sqs_fifo.options import Options


class RetentionChecks:
    """Decides whether a receive is due: one in `retention_check_every` seconds is enough.

    A receive that finds an event close to the end of its retention is followed by another one. The
    group of that event may have more of them, which SQS keeps locked for a moment.
    """

    def __init__(self, *, options: Options, now: Callable[[], float]) -> None:
        self._options = options
        self._now = now
        self._found_at = -inf

    def note_found(self) -> None:
        """Note that a receive has returned events that are close to the end of their retention."""
        self._found_at = self._now()

    def is_due(self, *, last_success: float) -> bool:
        """Return whether to receive. `last_success` is the time of the last successful receive."""
        now = self._now()
        found_recently = now - self._found_at < self._options.visibility_timeout
        return found_recently or now - last_success >= self._options.retention_check_every
