"""The spans of a period contain exactly the instants whose local date is in the period."""

import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apps.analytics.figures.periods import Period, Span, spans

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
# Zones that skip midnight, change by half an hour or by two, skip a whole day, have offsets in
# minutes, changed their rules, or set their clocks back from a minute past midnight into the
# previous day.
ZONES = (
    "UTC",
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Caracas",
    "America/Havana",
    "America/Mexico_City",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Amman",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Australia/Lord_Howe",
    "Europe/Lisbon",
    "Europe/Volgograd",
    "Pacific/Apia",
    "Pacific/Kwajalein",
    "Pacific/Kiritimati",
)


def total_length(found: list[Span]) -> timedelta:
    """Return the total length of the spans."""
    return sum((span.ends_at - span.starts_at for span in found), timedelta(0))


def day_of(timezone: str, day: date) -> list[Span]:
    """Return the spans of one day."""
    return spans(period=Period(first=day, last=day), timezone=timezone)


@pytest.mark.parametrize(
    ("timezone", "day", "length", "number"),
    [
        ("America/New_York", date(2026, 3, 8), 23 * HOUR, 2),
        ("America/New_York", date(2026, 11, 1), 25 * HOUR, 2),
        ("America/New_York", date(2026, 11, 2), 24 * HOUR, 1),
        # The first hour of the day was skipped, so the day has only one offset.
        ("America/Sao_Paulo", date(2018, 11, 4), 23 * HOUR, 1),
        # The last hour of the day was repeated.
        ("America/Sao_Paulo", date(2018, 2, 17), 25 * HOUR, 2),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5 * HOUR, 2),
        # Clocks went from 0:01 of the 7th back to 23:01 of the 6th.
        ("America/St_Johns", date(2010, 11, 6), 25 * HOUR - timedelta(minutes=1), 2),
        # Samoa crossed the date line and skipped this day.
        ("Pacific/Apia", date(2011, 12, 30), timedelta(0), 0),
    ],
)
def test_the_length_of_a_day_depends_on_its_zone(
    timezone: str, day: date, length: timedelta, number: int
) -> None:
    found = day_of(timezone, day)

    assert total_length(found) == length
    assert len(found) == number


def test_a_day_that_begins_twice_has_two_separate_spans() -> None:
    first, second = day_of("America/St_Johns", date(2010, 11, 7))

    assert first.ends_at - first.starts_at == timedelta(minutes=1)
    assert second.starts_at - first.ends_at == timedelta(minutes=59)


@settings(max_examples=100)
@given(
    timezone=st.sampled_from(ZONES),
    first=st.dates(min_value=date(1970, 1, 1), max_value=date(2100, 1, 1)),
    days=st.integers(min_value=0, max_value=400),
    data=st.data(),
)
@example(timezone="America/St_Johns", first=date(2010, 11, 6), days=0, data=None)
@example(timezone="Pacific/Apia", first=date(2011, 12, 29), days=1, data=None)
def test_an_instant_is_in_a_span_if_its_local_date_is_in_the_period(
    timezone: str, first: date, days: int, data: st.DataObject | None
) -> None:
    last = first + days * DAY
    found = spans(period=Period(first=first, last=last), timezone=timezone)
    zone = ZoneInfo(timezone)
    start_of_first_day = datetime.combine(first, time(0), tzinfo=UTC)
    edges = [edge for span in found for edge in (span.starts_at, span.ends_at)]
    instants = [
        edge + step for edge in edges for step in (-timedelta(microseconds=1), timedelta(0))
    ]
    if data:
        minutes = st.integers(min_value=-3_000, max_value=(days + 3) * 1_440)
        drawn = data.draw(st.lists(minutes, max_size=20))
        instants += [start_of_first_day + timedelta(minutes=minute) for minute in drawn]

    for at in instants:
        local = at.astimezone(zone)
        containing = [span for span in found if span.starts_at <= at < span.ends_at]
        assert bool(containing) == (first <= local.date() <= last), at
        assert all(span.utc_offset == local.utcoffset() for span in containing)
        assert len(containing) <= 1


@settings(max_examples=50, deadline=None)
@given(
    timezone=st.sampled_from(sorted(zoneinfo.available_timezones() - {"localtime", "Factory"})),
    day=st.dates(min_value=date(1970, 1, 1), max_value=date(2037, 12, 31)),
)
@example(timezone="Pacific/Apia", day=date(2011, 12, 30))
@example(timezone="Antarctica/Troll", day=date(2026, 3, 29))
@example(timezone="America/Caracas", day=date(2007, 12, 9))
@example(timezone="Asia/Pyongyang", day=date(2018, 5, 4))
def test_a_day_of_any_zone_has_exactly_the_minutes_with_its_date(timezone: str, day: date) -> None:
    """A day of 23, 24 or 25 hours, or none, counted minute by minute."""
    zone = ZoneInfo(timezone)
    begin = datetime.combine(day, time(0), tzinfo=UTC) - DAY
    minutes = [begin + timedelta(minutes=number) for number in range(3 * 1_440)]
    of_day = [minute for minute in minutes if minute.astimezone(zone).date() == day]
    found = day_of(timezone, day)

    assert of_day == [
        minute for minute in minutes if any(one.starts_at <= minute < one.ends_at for one in found)
    ]
    if of_day:
        # The first and the last instant of the day.
        first, last = found[0].starts_at, found[-1].ends_at - timedelta(microseconds=1)
        assert {at.astimezone(zone).date() for at in (first, last)} == {day}
        assert (first - timedelta(microseconds=1)).astimezone(zone).date() != day
        assert (last + timedelta(microseconds=1)).astimezone(zone).date() != day


@pytest.mark.parametrize(
    ("first", "last", "problem"),
    [
        (date(2026, 1, 2), date(2026, 1, 1), "begins on 2026-01-02, after its end on 2026-01-01"),
        (date(1969, 12, 31), date(1970, 1, 1), "within 1970-01-01 and 2999-12-31"),
        (date(2999, 1, 1), date(3000, 1, 1), "within 1970-01-01 and 2999-12-31"),
        (date(2000, 1, 1), date(2026, 1, 1), "has 9498 days; at most 3660"),
    ],
)
def test_an_impossible_period_is_refused_with_a_reason(
    first: date, last: date, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        Period(first=first, last=last)


def test_of_days_returns_the_days_up_to_the_last() -> None:
    assert Period.of_days(7, last=date(2026, 3, 2)).days == (
        date(2026, 2, 24),
        date(2026, 2, 25),
        date(2026, 2, 26),
        date(2026, 2, 27),
        date(2026, 2, 28),
        date(2026, 3, 1),
        date(2026, 3, 2),
    )
    with pytest.raises(ValueError, match="within"):
        Period.of_days(7, last=date.min)
