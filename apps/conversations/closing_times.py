"""When conversations close: the closing times of a project, in its own time zone."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo


def next_closing(*, after: datetime, timezone: str, closing_time: time) -> datetime:
    """The first closing strictly after `after`, in UTC.

    A local time that daylight saving skips closes at the first instant after the gap; one that
    happens twice closes at the first. `after` must be aware. Raises ZoneInfoNotFoundError for a
    zone that the installed tz database does not have.
    """
    zone = ZoneInfo(timezone)
    # Two days ahead: a clock set back over midnight shows the day before again, when the closing
    # of the day after it may be past.
    closings = _closings(near=after, day_offsets=(0, 1, 2), local_time=closing_time, zone=zone)
    return next(closing for closing in closings if closing > after)


def latest_closing(*, until: datetime, timezone: str, closing_time: time) -> datetime:
    """The last closing at or before `until`, in UTC: the neighbour of `next_closing(after=until)`.

    The same rules, requirements and errors as those of `next_closing`.
    """
    zone = ZoneInfo(timezone)
    # A day ahead too, for the same reason as above.
    closings = _closings(near=until, day_offsets=(1, 0, -1), local_time=closing_time, zone=zone)
    return next(closing for closing in closings if closing <= until)


def _closings(
    *, near: datetime, day_offsets: tuple[int, ...], local_time: time, zone: ZoneInfo
) -> Iterator[datetime]:
    """The closings of the days at these offsets from the local day of `near`, in that order."""
    today = near.astimezone(zone).date()
    for offset in day_offsets:
        yield _instant(day=today + timedelta(days=offset), local_time=local_time, zone=zone)


# Asked for each message, and the same for all of a day.
@lru_cache(maxsize=10_000)
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
