"""Periods are compared by their complete days, and small numbers are not compared."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.analytics.console.comparisons import (
    MIN_COMPARED,
    Comparison,
    change,
    compared_days,
)
from apps.analytics.console.indicators import INDICATORS
from apps.analytics.figures import CsatFigures, LengthFigures, Period, Totals
from apps.analytics.figures.periods import MAX_DAYS

TODAY = date(2026, 11, 23)
DAY = timedelta(days=1)
BY_SLUG = {indicator.slug: indicator for indicator in INDICATORS}
MINUS = "\N{MINUS SIGN}"


def days(first: str, last: str) -> Period:
    """Return a period of November 2026."""
    return Period(
        first=date.fromisoformat(f"2026-{first}"), last=date.fromisoformat(f"2026-{last}")
    )


@pytest.mark.parametrize(
    ("period", "complete", "before"),
    [
        # A week that is over, one that ends today, and one that ends tomorrow.
        (days("11-16", "11-22"), days("11-16", "11-22"), days("11-09", "11-15")),
        (days("11-17", "11-23"), days("11-17", "11-22"), days("11-10", "11-15")),
        (days("11-18", "11-24"), days("11-18", "11-22"), days("11-11", "11-15")),
        (days("11-22", "11-22"), days("11-22", "11-22"), days("11-21", "11-21")),
    ],
)
def test_the_complete_days_are_compared_with_as_many_days_of_the_period_before(
    period: Period, complete: Period, before: Period
) -> None:
    assert compared_days(period, first_open_day=TODAY) == (complete, before)


@pytest.mark.parametrize("period", [days("11-23", "11-23"), days("11-23", "11-30")])
def test_a_period_without_a_complete_day_is_not_compared(period: Period) -> None:
    assert compared_days(period, first_open_day=TODAY) is None


def test_a_period_before_1970_is_not_compared() -> None:
    period = Period(first=date(1970, 1, 2), last=date(1970, 1, 3))

    assert compared_days(period, first_open_day=TODAY) is None


@given(length=st.integers(1, MAX_DAYS), end=st.integers(-40, 40))
def test_the_compared_periods_are_equally_long_and_do_not_overlap(length: int, end: int) -> None:
    period = Period.of_days(length, last=TODAY + end * DAY)

    found = compared_days(period, first_open_day=TODAY)

    if found:
        complete, before = found
        assert len(complete.days) == len(before.days)
        assert before.last < complete.first == period.first
        assert complete.last < TODAY
        assert (complete.first - before.first).days == length


def comparison(now: Totals, before: Totals) -> Comparison:
    """Return a comparison of these figures."""
    return Comparison(
        days=days("11-02", "11-02"), days_before=days("11-01", "11-01"), now=now, before=before
    )


def totals(**fields: object) -> Totals:
    """Return figures, by default of a period in which nothing happened."""
    return replace(Totals.of_nothing(), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (120, 100, "+20 (+20.0%)"),
        (80, 100, f"{MINUS}20 ({MINUS}20.0%)"),
        (100, 100, "0 (0.0%)"),
        (0, 100, f"{MINUS}100 ({MINUS}100.0%)"),
        # A percentage of a few would look like much.
        (4, 2, "+2"),
        (40, MIN_COMPARED - 1, "+11"),
        (3, 0, "+3"),
        (0, 0, "0"),
    ],
)
def test_a_count_is_compared_as_a_number_and_as_a_share_of_a_large_one(
    now: int, before: int, text: str
) -> None:
    found = change(BY_SLUG["opened"], comparison(totals(opened=now), totals(opened=before)))

    assert (found.now, found.before, found.difference) == (now, before, now - before)
    assert found.text == text


def csat(satisfied: int, others: int) -> Totals:
    """Return figures with these numbers of CSAT answers."""
    return totals(csat=CsatFigures(distribution={1: others, 2: 0, 3: 0, 4: 0, 5: satisfied}))


def test_shares_are_compared_in_points_if_both_have_enough_answers() -> None:
    found = change(BY_SLUG["csat"], comparison(csat(24, 6), csat(45, 15)))

    assert (found.before, found.difference, found.text) == (75, 5, "+5.0 points")


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (csat(25, 4), csat(450, 150), "too few to compare"),
        (csat(450, 150), csat(1, 0), "too few to compare"),
        (csat(450, 150), csat(0, 0), ""),
        (csat(0, 0), csat(450, 150), ""),
    ],
)
def test_a_share_of_few_answers_has_no_change(now: Totals, before: Totals, text: str) -> None:
    found = change(BY_SLUG["csat"], comparison(now, before))

    assert (found.difference, found.text) == (None, text)


def test_a_duration_is_compared_in_its_units() -> None:
    def lasting(minutes: int) -> Totals:
        median = LengthFigures(median_messages=4.0, median_duration=timedelta(minutes=minutes))
        return totals(closed=90, archived=60, lengths=median)

    found = change(BY_SLUG["median-duration"], comparison(lasting(30), lasting(95)))

    assert found.text == f"{MINUS}1h5m"
