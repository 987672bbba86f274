"""Decide which ticks of a schedule need not run. No input, output or clock."""

from collections.abc import Iterable

from celery_sqs_fifo.delivery import Delivery

# In seconds.
STALE_AFTER = 300.0


def is_superseded(delivery: Delivery, *, followers: Iterable[Delivery], now: float) -> bool:
    """Return whether this is an old tick, and a newer one of the same task is among `followers`.

    `now` is in seconds since 1970. Each tick does all the work that is due, so that the newest one
    is enough after an outage. The newest one always runs, however old it is.
    """
    is_stale = delivery.tick and now - delivery.queued_at / 1000 > STALE_AFTER
    return bool(is_stale) and any(follower.tick == delivery.tick for follower in followers)
