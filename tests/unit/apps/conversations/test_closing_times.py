"""The next and the latest closing in local time, including changes of daylight saving."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apps.conversations.closing_times import latest_closing, next_closing

MIDNIGHT = time(0, 0)
MAX_GAP = timedelta(hours=25)
# These zones have gaps at midnight, of half an hour and of a whole day, and offsets in minutes.
ZONES = (
    "UTC",
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Asuncion",
    "America/Havana",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Europe/Lisbon",
    "Pacific/Apia",
    "Pacific/Chatham",
)


def closing(after: str, timezone: str, closing_time: time = MIDNIGHT) -> str:
    """Return the next closing. `after` and the result are ISO 8601 in UTC."""
    at = next_closing(
        after=datetime.fromisoformat(after), timezone=timezone, closing_time=closing_time
    )
    assert at.tzinfo is UTC
    return at.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("after", "timezone", "closing_time", "expected"),
    [
        ("2026-11-23T12:00:00Z", "UTC", MIDNIGHT, "2026-11-24T00:00:00Z"),
        ("2026-11-23T12:00:00Z", "America/Sao_Paulo", MIDNIGHT, "2026-11-24T03:00:00Z"),
        ("2026-11-24T02:59:59Z", "America/Sao_Paulo", MIDNIGHT, "2026-11-24T03:00:00Z"),
        ("2026-11-23T12:00:00Z", "Asia/Tokyo", time(22, 30), "2026-11-23T13:30:00Z"),
        ("2026-11-23T14:00:00Z", "Asia/Tokyo", time(22, 30), "2026-11-24T13:30:00Z"),
        ("2026-11-23T12:00:00Z", "Asia/Kathmandu", MIDNIGHT, "2026-11-23T18:15:00Z"),
        ("2026-11-23T12:00:00Z", "Pacific/Kiritimati", MIDNIGHT, "2026-11-24T10:00:00Z"),
    ],
)
def test_a_conversation_closes_at_the_next_closing_time_of_its_zone(
    after: str, timezone: str, closing_time: time, expected: str
) -> None:
    assert closing(after, timezone, closing_time) == expected


def test_a_conversation_that_opens_at_closing_time_closes_a_day_later() -> None:
    assert closing("2026-11-24T03:00:00Z", "America/Sao_Paulo") == "2026-11-25T03:00:00Z"


@pytest.mark.parametrize(
    ("after", "timezone", "closing_time", "expected"),
    [
        # 4 November 2018, 00:00 to 01:00 at -03 became -02.
        ("2018-11-03T20:00:00Z", "America/Sao_Paulo", MIDNIGHT, "2018-11-04T03:00:00Z"),
        ("2018-11-03T20:00:00Z", "America/Sao_Paulo", time(0, 30), "2018-11-04T03:00:00Z"),
        ("2018-11-03T20:00:00Z", "America/Sao_Paulo", time(1, 0), "2018-11-04T03:00:00Z"),
        # 8 March 2026, 02:00 to 03:00 at -05 became -04.
        ("2026-03-08T05:00:00Z", "America/New_York", time(2, 30), "2026-03-08T07:00:00Z"),
        ("2026-03-08T05:00:00Z", "America/New_York", time(2, 59, 59), "2026-03-08T07:00:00Z"),
        # 29 March 2026, 00:00 to 01:00 at +02 became +03.
        ("2026-03-28T12:00:00Z", "Asia/Beirut", MIDNIGHT, "2026-03-28T22:00:00Z"),
        # 24 April 2026, 00:00 to 01:00 at +02 became +03.
        ("2026-04-23T12:00:00Z", "Africa/Cairo", time(0, 15), "2026-04-23T22:00:00Z"),
        # 4 October 2026, 02:00 to 02:30 at +10:30 became +11.
        ("2026-10-03T12:00:00Z", "Australia/Lord_Howe", time(2, 15), "2026-10-03T15:30:00Z"),
        # Samoa had no 30 December 2011.
        ("2011-12-30T09:00:00Z", "Pacific/Apia", time(12, 0), "2011-12-30T10:00:00Z"),
    ],
)
def test_a_time_that_daylight_saving_skips_closes_at_the_end_of_the_gap(
    after: str, timezone: str, closing_time: time, expected: str
) -> None:
    assert closing(after, timezone, closing_time) == expected


def test_after_the_end_of_a_gap_the_next_closing_is_tomorrow() -> None:
    assert closing("2018-11-04T03:00:00Z", "America/Sao_Paulo") == "2018-11-05T02:00:00Z"


@pytest.mark.parametrize(
    ("after", "timezone", "closing_time", "expected"),
    [
        # 1 November 2026, 01:00 to 02:00 at -04, then again at -05.
        ("2026-11-01T04:00:00Z", "America/New_York", time(1, 30), "2026-11-01T05:30:00Z"),
        # 18 February 2018, 23:00 to 00:00 of the 17th at -02, then again at -03.
        ("2018-02-17T20:00:00Z", "America/Sao_Paulo", time(23, 30), "2018-02-18T01:30:00Z"),
        # 5 April 2026, 01:30 to 02:00 at +11, then again at +10:30.
        ("2026-04-04T12:00:00Z", "Australia/Lord_Howe", time(1, 45), "2026-04-04T14:45:00Z"),
    ],
)
def test_a_time_that_occurs_twice_closes_at_the_first(
    after: str, timezone: str, closing_time: time, expected: str
) -> None:
    assert closing(after, timezone, closing_time) == expected


@pytest.mark.parametrize(
    ("between", "timezone", "closing_time", "expected"),
    [
        ("2026-11-01T05:45:00Z", "America/New_York", time(1, 30), "2026-11-02T06:30:00Z"),
        # 7 November 2010, 00:01 at -02:30, then 23:01 of the 6th at -03:30.
        ("2010-11-07T03:15:00Z", "America/St_Johns", MIDNIGHT, "2010-11-08T03:30:00Z"),
    ],
)
def test_between_the_two_occurrences_the_next_closing_is_tomorrow(
    between: str, timezone: str, closing_time: time, expected: str
) -> None:
    assert closing(between, timezone, closing_time) == expected


@pytest.mark.parametrize(
    ("until", "timezone", "closing_time", "expected"),
    [
        ("2026-11-24T03:00:00Z", "America/Sao_Paulo", MIDNIGHT, "2026-11-24T03:00:00Z"),
        ("2026-11-24T02:59:59.999999Z", "America/Sao_Paulo", MIDNIGHT, "2026-11-23T03:00:00Z"),
        ("2026-11-23T13:29:59Z", "Asia/Tokyo", time(22, 30), "2026-11-22T13:30:00Z"),
        # Within the hour that occurs twice, and after it.
        ("2026-11-01T05:45:00Z", "America/New_York", time(1, 30), "2026-11-01T05:30:00Z"),
        ("2026-11-01T06:45:00Z", "America/New_York", time(1, 30), "2026-11-01T05:30:00Z"),
        # The clock was set back to 17 February after the last closing of that day.
        ("2018-02-18T02:00:00Z", "America/Sao_Paulo", time(23, 30), "2018-02-18T01:30:00Z"),
        # The closing of 7 November was at 02:30 UTC. After it the local date was 6 November again.
        ("2010-11-07T03:15:00Z", "America/St_Johns", MIDNIGHT, "2010-11-07T02:30:00Z"),
        # Midnight of 4 November was skipped: the closing was at 01:00.
        ("2018-11-04T03:00:00Z", "America/Sao_Paulo", MIDNIGHT, "2018-11-04T03:00:00Z"),
        ("2018-11-04T02:59:59Z", "America/Sao_Paulo", MIDNIGHT, "2018-11-03T03:00:00Z"),
        # Samoa had no 30 December 2011.
        ("2011-12-30T10:00:00Z", "Pacific/Apia", time(12, 0), "2011-12-30T10:00:00Z"),
        ("2011-12-30T09:59:59Z", "Pacific/Apia", time(12, 0), "2011-12-29T22:00:00Z"),
    ],
)
def test_the_latest_closing_is_not_in_the_future(
    until: str, timezone: str, closing_time: time, expected: str
) -> None:
    at = latest_closing(
        until=datetime.fromisoformat(until), timezone=timezone, closing_time=closing_time
    )

    assert at == datetime.fromisoformat(expected)
    assert at.tzinfo is UTC


@pytest.mark.parametrize("microsecond", [1, 500_000, 999_999])
def test_a_closing_time_with_a_fraction_of_a_second_in_a_gap_is_found(microsecond: int) -> None:
    with ends_within(seconds=1):
        at = closing("2026-03-28T12:00:00Z", "Asia/Beirut", time(0, 0, 0, microsecond))

    assert at == "2026-03-28T22:00:00Z"


def test_an_unknown_zone_is_an_error() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        closing("2026-11-23T12:00:00Z", "America/Atlantis")


@settings(max_examples=100)
@given(
    after=st.datetimes(
        min_value=datetime(1990, 1, 1),  # noqa: DTZ001 (the strategy adds the zone)
        max_value=datetime(2037, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    ),
    timezone=st.sampled_from(ZONES),
    closing_time=st.times().map(lambda at: at.replace(microsecond=0)),
)
@example(datetime(2011, 12, 29, 12, tzinfo=UTC), "Pacific/Apia", time(12))
@example(datetime(2026, 4, 23, 22, tzinfo=UTC), "Africa/Cairo", time(0))
def test_the_next_closing_is_the_local_time_or_the_end_of_a_gap(
    after: datetime, timezone: str, closing_time: time
) -> None:
    zone = ZoneInfo(timezone)

    at = next_closing(after=after, timezone=timezone, closing_time=closing_time)

    assert after < at <= after + timedelta(hours=25) + MAX_GAP
    local = at.astimezone(zone)
    assert local.time() == closing_time or _ends_a_gap_over(local, closing_time)
    assert not local.fold


def _ends_a_gap_over(local: datetime, closing_time: time) -> bool:
    """Return whether the wall clock jumps over a closing time to `local`."""
    zone = local.tzinfo
    before = (local.astimezone(UTC) - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
    jumped_to = local.replace(tzinfo=None)
    skipped = (
        datetime.combine(before.date() + timedelta(days=day), closing_time) for day in (0, 1)
    )
    return any(before < one < jumped_to for one in skipped)


@contextmanager
def ends_within(*, seconds: int) -> Iterator[None]:
    """Fail the test if the block takes longer, so that the run does not hang."""

    def stop(*_arguments: object) -> None:
        pytest.fail(f"it does not end within {seconds} second(s)")

    former = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)
