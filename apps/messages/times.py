"""Reading the times that producers write."""

import re
from datetime import UTC, datetime, timedelta

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)
# A producer's time before this one is a mistake of its clock, or was never set.
EARLIEST_PLAUSIBLE = datetime(2000, 1, 1, tzinfo=UTC)
# Producers write a time from here on for a window without one.
NEVER = datetime(2100, 1, 1, tzinfo=UTC)
# Longer than every form of a time. An implausible time is kept with the message.
MAX_LENGTH = 64

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO = re.compile(
    r"""
    (?P<year>\d{4}) (?P<dash>-?) (?P<month>\d\d) (?P=dash) (?P<day>\d\d)
    (?:
        (?: T | \s+ ) (?P<hour>\d\d) (?P<colon>:?) (?P<minute>\d\d)
        (?: (?P=colon) (?P<second>\d\d) (?: [.,] (?P<fraction>\d+) )? )?
        \s* (?P<offset>
            Z | UTC | GMT | (?P<sign>[-+]) (?P<hours>[01]\d|2[0-3]) (?: :? (?P<minutes>[0-5]\d) )?
        )?
    )?
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_NUMBER = re.compile(r"(?P<sign>-?)(?P<whole>\d{1,20})(?:\.(?P<fraction>\d+))?", re.ASCII)
# As a number of seconds or of milliseconds, such digits are never a plausible time.
_DIGITS_OF_A_DATE = re.compile(
    r"(19|20)\d\d (0[1-9]|1[0-2]) (0[1-9]|[12]\d|3[01]) (\d{4}|\d{6})?", re.VERBOSE | re.ASCII
)
# A number below a limit counts seconds in this fraction. So a number of seconds ends in the year
# 5138, and a number of milliseconds begins in 1973.
_UNITS = ((10**11, 1), (10**14, 10**3), (10**17, 10**6), (10**20, 10**9))
_MINUTES_OF_A_DAY = 24 * 60


class NotATime(ValueError):
    """The text is not a time. The message quotes nothing of it, and shows two right ones."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"{problem}; write it like 2026-01-31T12:00:00Z or 2026-01-31T09:00:00-03:00"
        )


def parse_time(text: str) -> datetime:
    """Return the moment that a producer wrote, in UTC. Raise NotATime.

    The text is a time in the form of RFC 3339 or ISO 8601 with an offset, or a number of seconds,
    or of smaller units, since 1970. A leap second is the first second of the next minute. Digits
    beyond microseconds are dropped. A moment that a datetime cannot hold is EARLIEST or LATEST.
    """
    text = text.strip()
    if len(text) > MAX_LENGTH:
        raise NotATime("it is not a time")
    if _DIGITS_OF_A_DATE.fullmatch(text):
        raise NotATime("it is a date in digits, without an offset")
    if number := _NUMBER.fullmatch(text):
        return _since_1970(number)
    found = _ISO.fullmatch(text)
    if not found:
        raise NotATime("it is not a time")
    if not found["hour"]:
        raise NotATime("it is a date without a time")
    if not found["offset"]:
        raise NotATime("it is a time without an offset")
    return _iso(found)


def is_window_time(at: datetime) -> bool:
    """Return whether the start or end of a window was set."""
    return EARLIEST_PLAUSIBLE <= at < NEVER


def _since_1970(found: re.Match[str]) -> datetime:
    whole = found["whole"]
    units_per_second = next(units for limit, units in _UNITS if int(whole) < limit)
    microseconds = int(whole + _six_digits(found["fraction"])) // units_per_second
    return _shifted(
        _EPOCH, timedelta(microseconds=-microseconds if found["sign"] else microseconds)
    )


def _iso(found: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second, hours, minutes = (
        int(found[name] or 0)
        for name in ("year", "month", "day", "hour", "minute", "second", "hours", "minutes")
    )
    microsecond = int(_six_digits(found["fraction"]))
    offset = (hours * 60 + minutes) * (-1 if found["sign"] == "-" else 1)
    is_midnight = (hour, minute, second, microsecond) == (24, 0, 0, 0)
    is_leap_second = second == 60 and _is_last_minute_in_utc(hour * 60 + minute - offset)
    hour -= 24 * is_midnight
    second -= is_leap_second
    try:
        at = datetime(year, month, day, hour, minute, second, microsecond, tzinfo=UTC)
    except ValueError:
        raise NotATime("there is no such time") from None
    return _shifted(at, timedelta(days=is_midnight, minutes=-offset, seconds=is_leap_second))


def _is_last_minute_in_utc(minute: int) -> bool:
    """Return whether this is the last minute of a day. Leap seconds are at the end of one."""
    return minute % _MINUTES_OF_A_DAY == _MINUTES_OF_A_DAY - 1


def _six_digits(fraction: str | None) -> str:
    """Return the microseconds in a fraction of a second."""
    return (fraction or "")[:6].ljust(6, "0")


def _shifted(at: datetime, by: timedelta) -> datetime:
    try:
        return at + by
    except OverflowError:
        return EARLIEST if by < timedelta(0) else LATEST
