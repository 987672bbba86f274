"""The closing times of a project, calculated in its time zone."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

# A conversation that has been due for this long, and whose closing is not claimed, is overdue.
OVERDUE = timedelta(minutes=5)


def next_closing(*, after: datetime, timezone: str, closing_time: time) -> datetime:
    """Return the first closing that is later than `after`, in UTC.

    If daylight saving skips the local closing time, the closing is the first instant after the gap.
    If the local time occurs twice, the closing is the first occurrence. `after` must be aware.
    Raise ZoneInfoNotFoundError for a zone that the installed tz database does not have.
    """
    zone = ZoneInfo(timezone)
    # Two days ahead: if a clock is set back over midnight, `after` may be on the first day again
    # although the closing of the second day has passed.
    closings = _closings(near=after, day_offsets=(0, 1, 2), local_time=closing_time, zone=zone)
    return next(closing for closing in closings if closing > after)


def latest_closing(*, until: datetime, timezone: str, closing_time: time) -> datetime:
    """Return the last closing at or before `until`, in UTC.

    The rules, requirements and errors are those of `next_closing`.
    """
    zone = ZoneInfo(timezone)
    # One day ahead too, for the reason given in `next_closing`.
    closings = _closings(near=until, day_offsets=(1, 0, -1), local_time=closing_time, zone=zone)
    return next(closing for closing in closings if closing <= until)


def _closings(
    *, near: datetime, day_offsets: tuple[int, ...], local_time: time, zone: ZoneInfo
) -> Iterator[datetime]:
    """Yield the closings of the days at these offsets from the local day of `near`, in order."""
    today = near.astimezone(zone).date()
    for offset in day_offsets:
        yield _instant(day=today + timedelta(days=offset), local_time=local_time, zone=zone)


# Called for each message, with the same arguments for all messages of a day.
@lru_cache(maxsize=10_000)
def _instant(*, day: date, local_time: time, zone: ZoneInfo) -> datetime:
    local = datetime.combine(day, local_time, tzinfo=zone)
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    return _end_of_gap(local=local, zone=zone)


def _end_of_gap(*, local: datetime, zone: ZoneInfo) -> datetime:
    """Return the end of the gap around `local`. PEP 495 folds yield an instant on each side."""
    # Offsets change only at whole seconds.
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
