"""Hints that the outbox has events, at most one every two seconds from the processes of a worker.

An SQS message for each answer would cost as much as the answers themselves. Beat starts the same
task every minute, so a hint that is not sent only delays the events.
"""

import logging
from collections.abc import Callable
from mmap import mmap
from struct import Struct
from time import monotonic

from apps.analytics import datalake
from tasks.datalake import send_data_lake_event

logger = logging.getLogger(__name__)

# SQS drops a second hint within this period (send_data_lake_event.deduplicate_for).
MIN_INTERVAL = 2.0
# When the last hint was sent, and whether another one is wanted.
_STATE = Struct("d?")


class Hints:
    """Publishes a hint at once if none was sent lately, and otherwise later, after another event.

    The processes of a pool are forked from the one that imports this module, so they share the
    memory. They need no lock: if two of them publish at the same time, SQS drops the second hint.
    """

    def __init__(self, *, publish: Callable[[], None], now: Callable[[], float]) -> None:
        self._publish = publish
        self._now = now
        self._shared = mmap(-1, _STATE.size)
        _STATE.pack_into(self._shared, 0, -MIN_INTERVAL, False)

    def note(self, *, has_answers: bool) -> None:
        """Note that a batch took effect, and publish a hint if one is wanted and due."""
        sent_at, is_wanted = _STATE.unpack_from(self._shared)
        is_wanted = is_wanted or has_answers
        is_due = is_wanted and self._now() - sent_at >= MIN_INTERVAL
        if is_due:
            sent_at, is_wanted = self._now(), False
        _STATE.pack_into(self._shared, 0, sent_at, is_wanted)
        if is_due:
            self._publish()


def _publish() -> None:
    """Publish a hint, unless the lake is off. If SQS refuses it, beat's next run does the work."""
    if datalake.is_off():
        return
    try:
        send_data_lake_event.apply_async()
    except Exception as error:
        logger.warning("outbox_hint_not_sent", extra={"error": type(error).__name__})


hints = Hints(publish=_publish, now=monotonic)
