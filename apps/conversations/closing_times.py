"""When a conversation closes: the next closing time of its project's own time zone."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def next_closing(*, after: datetime, timezone: str, closing_time: time) -> datetime:
    """The first closing strictly after `after`, in UTC.

    A local time that daylight saving skips closes at the first instant after the gap; one that
    happens twice closes at the first. `after` must be aware. Raises ZoneInfoNotFoundError for a
    zone that the installed tz database does not have.
    """
    zone = ZoneInfo(timezone)
    today = after.astimezone(zone).date()
    # Two days ahead, because some zones have skipped a whole day.
    days = (today + timedelta(days=offset) for offset in (-1, 0, 1, 2))
    closings = (_instant(day=day, local_time=closing_time, zone=zone) for day in days)
    return next(closing for closing in closings if closing > after)


def _instant(*, day: date, local_time: time, zone: ZoneInfo) -> datetime:
    local = datetime.combine(day, local_time, tzinfo=zone)
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    return _end_of_gap(local=local, zone=zone)


def _end_of_gap(*, local: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the gap around `local` ends (PEP 495 gives an instant on each side)."""
    # Zones change at whole seconds.
    local = local.replace(microsecond=0)
    before = local.replace(fold=1).astimezone(UTC)
    after = local.replace(fold=0).astimezone(UTC)
    new_offset = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == new_offset:
            after = middle
        else:
            before = middle
    return after
