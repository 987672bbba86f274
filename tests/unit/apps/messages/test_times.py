"""Times of producers are read as a plain computation reads them, or refused with a sentence."""

import calendar
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from apps.messages.times import EARLIEST, LATEST, NotATime, parse_time

# Times that stay within a datetime's range in every time zone.
MOMENTS = st.datetimes(
    min_value=EARLIEST.replace(tzinfo=None) + timedelta(days=1),
    max_value=LATEST.replace(tzinfo=None) - timedelta(days=1),
)
OFFSETS = st.integers(min_value=-23 * 60 - 59, max_value=23 * 60 + 59)
BLANKS = st.text(" \t\n\u00a0", max_size=3)
# The first number of seconds that would be a number of milliseconds.
MAX_SECONDS = 10**11


def microseconds(at: datetime) -> int:
    """Return the microseconds since 1970."""
    return calendar.timegm(at.timetuple()) * 1_000_000 + at.microsecond


def is_like_a_date(digits: str) -> bool:
    """Return whether digits may be a date, and perhaps a time, without separators."""
    return len(digits) in (8, 12, 14) and digits[:2] in ("19", "20")


@st.composite
def written(draw: st.DrawFn) -> tuple[str, int]:
    """Return a time in some form, and the microseconds from 1970 to it."""
    at, offset = draw(MOMENTS), draw(OFFSETS)
    dash, colon = draw(st.sampled_from([("-", ":"), ("", ""), ("-", ""), ("", ":")]))
    text = f"{at.year:04}{dash}{at.month:02}{dash}{at.day:02}{draw(st.sampled_from('Tt '))}"
    text += f"{at.hour:02}{colon}{at.minute:02}"
    expected = at.replace(second=0, microsecond=0)
    if draw(st.booleans()):
        text += f"{colon}{at.second:02}"
        expected = at.replace(microsecond=0)
        if draw(st.booleans()):
            beyond = draw(st.text("0123456789", max_size=5))
            text += f"{draw(st.sampled_from('.,'))}{at.microsecond:06}{beyond}"
            expected = at
    hours, minutes = divmod(abs(offset), 60)
    signed = f"{'-' if offset < 0 else '+'}{hours:02}"
    forms = [f"{signed}{draw(st.sampled_from(('', ':')))}{minutes:02}"]
    forms += [signed] if not minutes else []
    forms += ["Z", "z", " UTC", "utc", " GMT"] if not offset else []
    text += draw(BLANKS.filter(str.isascii)) + draw(st.sampled_from(forms)).strip(" ")
    return draw(BLANKS) + text + draw(BLANKS), microseconds(expected) - offset * 60_000_000


@given(written())
def test_a_time_in_any_form_is_the_moment_that_a_plain_computation_returns(
    case: tuple[str, int],
) -> None:
    text, expected = case

    found = parse_time(text)

    assert found.tzinfo is UTC
    assert microseconds(found) == expected


@given(MOMENTS, OFFSETS)
def test_a_time_that_python_writes_is_read_back(at: datetime, offset: int) -> None:
    aware = at.replace(tzinfo=timezone(timedelta(minutes=offset)))

    assert parse_time(aware.isoformat()) == aware


@given(
    st.integers(min_value=0, max_value=MAX_SECONDS - 1),
    st.text("0123456789", max_size=12),
    st.booleans(),
)
def test_a_number_below_a_hundred_thousand_million_counts_seconds(
    whole: int, fraction: str, is_negative: bool
) -> None:
    text = f"{whole}.{fraction}" if fraction else str(whole)
    sign = -1 if is_negative else 1
    expected = sign * int(Fraction(text) * 1_000_000)
    assume(is_negative or fraction or not is_like_a_date(text))

    found = parse_time(f"-{text}" if is_negative else text)

    assert microseconds(found) == max(expected, microseconds(EARLIEST))


@pytest.mark.parametrize("units", [10**3, 10**6, 10**9])
@given(st.integers(min_value=MAX_SECONDS // 1_000 + 1, max_value=MAX_SECONDS - 1))
def test_larger_numbers_count_smaller_units(units: int, seconds: int) -> None:
    number = seconds * units + 1
    assume(not is_like_a_date(str(number)))

    assert microseconds(parse_time(str(number))) == number * 1_000_000 // units


@given(st.one_of(st.text(), st.text("0123456789-+:.TtZz /"), st.datetimes().map(str)))
def test_any_other_text_is_refused_with_a_sentence_that_shows_a_right_time(text: str) -> None:
    found = parsed_or_sentence(text)

    if isinstance(found, str):
        assert found.endswith("write it like 2026-01-31T12:00:00Z or 2026-01-31T09:00:00-03:00")
    else:
        assert found.tzinfo is UTC


def parsed_or_sentence(text: str) -> datetime | str:
    try:
        return parse_time(text)
    except NotATime as problem:
        return str(problem)


def test_the_times_in_the_sentence_are_accepted() -> None:
    sentence = str(NotATime("it is not a time"))
    first, second = sentence.partition(" like ")[2].split(" or ")

    assert parse_time(first) == parse_time(second) == datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2016-12-31T23:59:60.5Z", datetime(2017, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("2016-12-31T18:59:60-05:00", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2017-01-01T05:29:60+05:30", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2026-02-28T24:00Z", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-12-31T24:00:00.000+01:00", datetime(2026, 12, 31, 23, tzinfo=UTC)),
        ("9999-12-31T24:00:00Z", LATEST),
        ("9999-12-31T23:59:59-01:00", LATEST),
        ("0001-01-01T00:00:00+14:00", EARLIEST),
        ("-99999999999", EARLIEST),
    ],
)
def test_a_leap_second_the_end_of_a_day_and_the_ends_of_the_calendar(
    text: str, at: datetime
) -> None:
    assert parse_time(text) == at


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it is not a time"),
        ("yesterday", "it is not a time"),
        ("31/01/2026 12:00", "it is not a time"),
        ("2026-01-31T12", "it is not a time"),
        ("2026-01-31T12Z", "it is not a time"),
        ("2026-01-31T12:00:00+24:00", "it is not a time"),
        ("2026-01-31T12:00:00+01:60", "it is not a time"),
        ("2026-01-31T12:00:00 BRT", "it is not a time"),
        ("2026-0131T12:00:00Z", "it is not a time"),
        ("\uff12026-01-31T12:00:00Z", "it is not a time"),
        ("1.7e9", "it is not a time"),
        ("1" * 21, "it is not a time"),
        ("1" * 5_000, "it is not a time"),
        ("2026-01-31", "it is a date without a time"),
        ("20260131", "it is a date in digits, without an offset"),
        ("202601311200", "it is a date in digits, without an offset"),
        ("20260131120000", "it is a date in digits, without an offset"),
        ("2026-01-31T12:00:00", "it is a time without an offset"),
        ("2026-01-31 12:00", "it is a time without an offset"),
        ("2026-02-30T12:00:00Z", "there is no such time"),
        ("2026-01-31T25:00:00Z", "there is no such time"),
        ("2026-01-31T24:00:01Z", "there is no such time"),
        ("2026-01-31T12:60:00Z", "there is no such time"),
        ("2026-01-31T12:00:60Z", "there is no such time"),
        ("2026-01-31T23:59:60-03:00", "there is no such time"),
        ("0000-01-01T00:00:00Z", "there is no such time"),
    ],
)
def test_what_is_no_time_is_refused_with_its_problem(text: str, problem: str) -> None:
    with pytest.raises(NotATime, match=f"^{problem}; write it like"):
        parse_time(text)
