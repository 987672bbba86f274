"""The outbox by the age of its events, and the last delivery to the data lake."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from observability.metrics.postgresql import MAX_ROWS
from operations.thresholds import MAX_LAKE_AGE

# The upper bounds of the ages by which waiting events are counted.
AGES = (timedelta(minutes=1), timedelta(seconds=MAX_LAKE_AGE), timedelta(hours=1))

# One statement for both, by two indexes of the outbox.
STATEMENT = """
SELECT
    count(*) FILTER (WHERE created_at > %(first)s),
    count(*) FILTER (WHERE created_at <= %(first)s AND created_at > %(second)s),
    count(*) FILTER (WHERE created_at <= %(second)s AND created_at > %(third)s),
    count(*) FILTER (WHERE created_at <= %(third)s),
    (SELECT max(delivered_at) FROM analytics_outboxevent WHERE delivered_at IS NOT NULL)
FROM (
    SELECT created_at FROM analytics_outboxevent
    WHERE delivered_at IS NULL AND refusal = '' ORDER BY id LIMIT %(limit)s
) AS waiting
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxReading:
    """The events that wait for the data lake, counted by age.

    `by_age` has the numbers up to each of AGES, and above the last of them. `last_delivery_age` is
    in seconds, or None if no delivered event is left.
    """

    by_age: tuple[int, ...]
    last_delivery_age: float | None


def read(cursor: Any, *, moment: datetime) -> OutboxReading:
    """Return the state of the outbox. Raise Django's database errors."""
    bounds = dict(zip(("first", "second", "third"), (moment - age for age in AGES), strict=True))
    cursor.execute(STATEMENT, {**bounds, "limit": MAX_ROWS})
    *by_age, delivered_at = cursor.fetchone()
    age = max(0.0, (moment - delivered_at).total_seconds()) if delivered_at else None
    return OutboxReading(by_age=tuple(by_age), last_delivery_age=age)
