"""The channels of a scope that had conversations in a period."""

from dataclasses import dataclass
from uuid import UUID

from apps.analytics.figures.periods import Period
from apps.analytics.figures.results import Scope
from apps.analytics.figures.statements import (
    CLOSINGS,
    OPENINGS,
    counted_rows,
    run_statement,
    zones,
)

_CHANNELS = f"""
SELECT channel_uuid, sum(opened)::int, sum(closed)::int
FROM (
    SELECT channel_uuid, count(*) AS opened, 0 AS closed {counted_rows(OPENINGS)} GROUP BY 1
    UNION ALL
    SELECT channel_uuid, 0, count(*) {counted_rows(CLOSINGS)} GROUP BY 1
) AS counted
GROUP BY 1
ORDER BY 2 DESC, 3 DESC, 1
"""  # noqa: S608 (only constants)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelCount:
    """A channel, and its numbers of conversations opened and closed in the period."""

    channel: UUID
    opened: int
    closed: int


def channels(*, scope: Scope, period: Period) -> list[ChannelCount]:
    """Return the channels in which a conversation was opened or closed, the busiest first.

    Raise ZoneInfoNotFoundError if a project's time zone is not in the installed tz database.
    """
    rows = run_statement(_CHANNELS, scope=scope, period=period, timezones=zones(scope=scope))
    return [
        ChannelCount(channel=uuid, opened=opened, closed=closed) for uuid, opened, closed in rows
    ]
