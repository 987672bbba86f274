"""Periods of local days, and their spans of time in a zone.

The offsets come from zoneinfo, as those of closing times do. PostgreSQL has another copy of the tz
database, which may be older or lack some zones.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext

EARLIEST = date(1970, 1, 1)
LATEST = date(2999, 12, 31)
MAX_DAYS = 3_660

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Local days from the first to the last, both included, independent of a zone.

    Raise ValueError if the days are in the wrong order, before 1970 or after 2999, or if there are
    more than 3,660. The message of the error can be shown to people.
    """

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.first > self.last:
            text = gettext("The period begins on %(first)s, after its end on %(last)s.")
            raise ValueError(text % {"first": self.first, "last": self.last})
        if self.first < EARLIEST or self.last > LATEST:
            text = gettext("The period must be within %(first)s and %(last)s.")
            raise ValueError(text % {"first": EARLIEST, "last": LATEST})
        number = (self.last - self.first).days + 1
        if number > MAX_DAYS:
            text = gettext("The period has %(days)s days; at most %(max)s are allowed.")
            raise ValueError(text % {"days": number, "max": MAX_DAYS})

    @classmethod
    def of_days(cls, number: int, *, last: date) -> "Period":
        """Return the period of this number of days that ends with `last`. Raise ValueError."""
        # Calendars begin with the year 1 (datetime.date.min).
        first = max(last.toordinal() - number + 1, date.min.toordinal())
        return cls(first=date.fromordinal(first), last=last)

    @property
    def days(self) -> tuple[date, ...]:
        """All days, in order."""
        return tuple(self.first + n * _DAY for n in range((self.last - self.first).days + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time span in which a zone has one offset from UTC. `ends_at` is not part of the span."""

    timezone: str
    starts_at: datetime
    ends_at: datetime
    utc_offset: timedelta


def spans(*, period: Period, timezone: str) -> list[Span]:
    """Return the spans that together cover the period's days in this zone.

    A span ends where the offset from UTC changes: most days of 23 or 25 hours have two spans.
    Raise ZoneInfoNotFoundError for a zone that the installed tz database does not have.
    """
    first_midnight, end_midnight = _midnight(period.first), _midnight(period.last + _DAY)
    # The offset of a zone from UTC is less than a day (datetime.tzinfo.utcoffset).
    pieces = _pieces(
        zone=ZoneInfo(timezone), since=first_midnight - _DAY, until=end_midnight + _DAY
    )
    clipped = (
        Span(
            timezone=timezone,
            starts_at=max(starts_at, first_midnight - utc_offset),
            ends_at=min(ends_at, end_midnight - utc_offset),
            utc_offset=utc_offset,
        )
        for starts_at, ends_at, utc_offset in pieces
    )
    return [span for span in clipped if span.starts_at < span.ends_at]


def offsets(*, timezone: str, since: datetime, until: datetime) -> list[Span]:
    """Return the spans that together cover the time from `since` to `until`, both included.

    Raise ZoneInfoNotFoundError for a zone that the installed tz database does not have.
    """
    pieces = _pieces(
        zone=ZoneInfo(timezone),
        since=_midnight(since.astimezone(UTC).date()),
        until=_midnight(until.astimezone(UTC).date() + _DAY),
    )
    return [
        Span(timezone=timezone, starts_at=starts_at, ends_at=ends_at, utc_offset=utc_offset)
        for starts_at, ends_at, utc_offset in pieces
    ]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), tzinfo=UTC)


def _pieces(
    *, zone: ZoneInfo, since: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """Yield the time from `since` to `until` in pieces: start, end and offset from UTC."""
    starts_at = since
    while starts_at < until:
        ends_at = min(_next_change(zone=zone, after=starts_at, until=until), until)
        yield starts_at, ends_at, _offset(zone, starts_at)
        starts_at = ends_at


def _next_change(*, zone: ZoneInfo, after: datetime, until: datetime) -> datetime:
    """Return when the offset first changes after `after`.

    If it does not change before `until`, return a time that is not before `until`. The search
    assumes that no zone changes its offset and changes it back within a day.
    """
    offset = _offset(zone, after)
    at = after
    while at < until:
        if _offset(zone, at + _DAY) != offset:
            # Zones change at whole seconds, and `after` is a whole second too.
            return at + _SECOND * bisect_left(
                range(_DAY // _SECOND),
                True,
                key=lambda second: _offset(zone, at + second * _SECOND) != offset,
            )
        at += _DAY
    return at


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)
