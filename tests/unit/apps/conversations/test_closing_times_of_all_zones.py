"""Closings around every change of offset in the installed tz database, 2025 to 2027.

They are compared with a simulated wall clock, minute by minute: the closing of a day is the first
minute in which the clock shows the closing time of that day or a later time.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import accumulate, pairwise
from typing import TypedDict
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import example, given, settings
from hypothesis import strategies as st

from apps.conversations.closing_times import latest_closing, next_closing

BEGIN, END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# Two changes of one zone are further apart than this.
STEP = timedelta(hours=12)
# The clock is simulated for this time before and after a change.
SIMULATED = timedelta(days=4)
ZONES = sorted(available_timezones())
# The only zone whose summer time is more than an hour ahead of its winter time.
SET_BACK_BY_TWO_HOURS = "Antarctica/Troll"


class Rule(TypedDict):
    """The closing rule of a project, as arguments of `next_closing` and `latest_closing`."""

    timezone: str
    closing_time: time


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of offset at `at`, from `before` to `after`."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def set_back(self) -> timedelta:
        """Return by how much the clock is set back, or zero if it is set forward."""
        return max(self.before - self.after, timedelta())


def offset(*, at: datetime, zone: ZoneInfo) -> timedelta:
    """Return the offset of the zone from UTC."""
    utc_offset = at.astimezone(zone).utcoffset()
    assert utc_offset is not None
    return utc_offset


def changes_of(zone: ZoneInfo) -> Iterator[Change]:
    """Yield all changes of a zone's offset, found by sampling it every few hours."""
    at, before = BEGIN, offset(at=BEGIN, zone=zone)
    while at < END:
        following = at + STEP
        after = offset(at=following, zone=zone)
        if after != before:
            yield Change(at=first_minute(at, following, before, zone), before=before, after=after)
        at, before = following, after


def first_minute(
    before_it: datetime, after_it: datetime, offset_before: timedelta, zone: ZoneInfo
) -> datetime:
    """Return the first minute whose offset differs from `offset_before`, by bisection."""
    while after_it - before_it > MINUTE:
        middle = before_it + (after_it - before_it) // (2 * MINUTE) * MINUTE
        if offset(at=middle, zone=zone) == offset_before:
            before_it = middle
        else:
            after_it = middle
    return after_it


@cache
def zones_by_change() -> dict[Change, list[str]]:
    """Return the zones of each change."""
    zones: dict[Change, list[str]] = {}
    for name in ZONES:
        for change in changes_of(ZoneInfo(name)):
            zones.setdefault(change, []).append(name)
    return zones


class SimulatedClock:
    """The local times of every minute around a change."""

    def __init__(self, *, zone: ZoneInfo, around: datetime) -> None:
        minutes = range(2 * SIMULATED // MINUTE)
        self.instants = [around - SIMULATED + minute * MINUTE for minute in minutes]
        shown = [at.astimezone(zone).replace(tzinfo=None) for at in self.instants]
        # The latest time shown so far: if the clock is set back, repeated minutes do not count.
        self.reached = list(accumulate(shown, max))

    def closings(self, closing_time: time) -> list[datetime]:
        """Return the first instant that reaches the closing time of each whole simulated day."""
        first, last = self.reached[0].date() + DAY, self.reached[-1].date() - DAY
        days = [first + number * DAY for number in range((last - first).days + 1)]
        return [self.closing(day, closing_time) for day in days]

    def closing(self, day: date, closing_time: time) -> datetime:
        """Return the first instant that reaches the closing time of this day."""
        return self.instants[bisect_left(self.reached, datetime.combine(day, closing_time))]


@cache
def simulated_clock(zone: str, around: datetime) -> SimulatedClock:
    """Return a clock that is simulated once for all tests."""
    return SimulatedClock(zone=ZoneInfo(zone), around=around)


def closing_times(change: Change) -> set[time]:
    """Return closing times within and near the skipped or repeated hours, and four others."""
    edges = [(change.at + offset).replace(tzinfo=None) for offset in (change.before, change.after)]
    first, last = min(edges), max(edges)
    near = {edge + number * MINUTE for edge in edges for number in (-2, -1, 0, 1, 2)}
    within = {first + (last - first) // (4 * MINUTE) * number * MINUTE for number in (1, 2, 3)}
    return {moment.time() for moment in near | within} | {time(0), time(6), time(12), time(18)}


def test_every_change_of_every_zone_is_found() -> None:
    changes = zones_by_change()

    assert len(ZONES) > 400
    known = {
        "America/New_York": ("2026-03-08T07:00:00+00:00", -5 * HOUR, -4 * HOUR),
        "Australia/Lord_Howe": ("2026-10-03T15:30:00+00:00", 10.5 * HOUR, 11 * HOUR),
        "Africa/Cairo": ("2027-10-28T21:00:00+00:00", 3 * HOUR, 2 * HOUR),
    }
    for zone, (at, before, after) in known.items():
        change = Change(at=datetime.fromisoformat(at), before=before, after=after)
        assert zone in changes[change]
    of_new_york = [change for change, zones in changes.items() if "America/New_York" in zones]
    assert len(of_new_york) == 6
    # Otherwise the clock around one change would include another change.
    for zone in ZONES:
        own = sorted(change.at for change, zones in changes.items() if zone in zones)
        assert all(later - earlier > 3 * SIMULATED for earlier, later in pairwise(own)), zone


def test_only_one_zone_sets_its_clock_back_by_more_than_an_hour() -> None:
    changes = zones_by_change()

    zones = {zone for change in changes if change.set_back > HOUR for zone in changes[change]}

    assert zones == {SET_BACK_BY_TWO_HOURS}


def test_around_every_change_each_day_closes_once_at_the_first_possible_minute() -> None:
    for change, zones in zones_by_change().items():
        for closing_time in closing_times(change):
            expected = simulated_clock(zones[0], change.at).closings(closing_time)

            rule = Rule(timezone=zones[0], closing_time=closing_time)
            closings = closings_after(expected[0] - MINUTE, rule=rule, number=len(expected))
            assert closings == expected, (change, zones, closing_time)
            # No clock is set forward by more than two hours.
            assert all(
                DAY - 2 * HOUR <= later - earlier <= DAY + change.set_back
                for earlier, later in pairwise(expected)
            ), (change, zones, closing_time)


def closings_after(moment: datetime, *, rule: Rule, number: int) -> list[datetime]:
    """Return this number of successive closings after a moment."""
    closings = []
    for _ in range(number):
        moment = next_closing(after=moment, **rule)
        closings.append(moment)
    return closings


def test_at_every_moment_around_a_change_the_neighbouring_closings_are_found() -> None:
    for change, zones in zones_by_change().items():
        for closing_time in closing_times(change):
            expected = simulated_clock(zones[0], change.at).closings(closing_time)
            rule = Rule(timezone=zones[0], closing_time=closing_time)
            for moment in moments(change, expected):
                latest = expected[bisect_right(expected, moment) - 1]
                following = expected[bisect_right(expected, moment)]
                found = latest_closing(until=moment, **rule), next_closing(after=moment, **rule)
                assert found == (latest, following), (zones, moment, closing_time)


def moments(change: Change, closings: list[datetime]) -> list[datetime]:
    """Return moments at, just before and just after the change and its neighbouring closings."""
    number = bisect_right(closings, change.at)
    near = [change.at, *closings[number - 1 : number + 1]]
    instant = timedelta(microseconds=1)
    return [moment + step for moment in near for step in (-instant, timedelta(), instant)]


def days_reached(closing: datetime, *, zone: ZoneInfo, closing_time: time) -> list[date]:
    """Return the days whose closing time the wall clock reaches or skips at this instant."""
    before, at = (
        moment.astimezone(zone).replace(tzinfo=None)
        for moment in (closing - timedelta(microseconds=1), closing)
    )
    days = (before.date() + number * DAY for number in (-1, 0, 1))
    return [day for day in days if before < datetime.combine(day, closing_time) <= at]


@settings(max_examples=300)
@given(
    opened=st.datetimes(
        min_value=BEGIN.replace(tzinfo=None),
        max_value=datetime(2037, 1, 1),  # noqa: DTZ001 (the strategy adds the zone)
        timezones=st.just(UTC),
    ),
    timezone=st.sampled_from(ZONES),
    closing_time=st.times().map(lambda at: at.replace(microsecond=0)),
)
@example(datetime(2026, 10, 25, 0, 59, tzinfo=UTC), SET_BACK_BY_TWO_HOURS, time(2))
@example(datetime(2026, 3, 28, 22, tzinfo=UTC), "Asia/Beirut", time(0))
@example(datetime(2026, 11, 1, 5, 45, tzinfo=UTC), "America/New_York", time(1, 30))
def test_a_closing_is_never_skipped_never_doubled_and_within_25_hours_of_opening(
    opened: datetime, timezone: str, closing_time: time
) -> None:
    zone = ZoneInfo(timezone)
    rule = Rule(timezone=timezone, closing_time=closing_time)
    longest = 25 * HOUR if timezone != SET_BACK_BY_TWO_HOURS else 26 * HOUR

    latest = latest_closing(until=opened, **rule)
    closings = [latest, *closings_after(opened, rule=rule, number=3)]

    assert latest <= opened < closings[1] <= opened + longest
    days = [days_reached(closing, zone=zone, closing_time=closing_time) for closing in closings]
    first = days[0][0]
    assert days == [[first + number * DAY] for number in range(4)]
    for earlier, later in pairwise(closings):
        assert later - earlier <= longest
        assert latest_closing(until=later, **rule) == later
        assert latest_closing(until=later - timedelta(microseconds=1), **rule) == earlier
