"""The charts of the console are laid out and labelled correctly."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.analytics.console.buckets import MAX_BUCKETS, buckets, label, unit
from apps.analytics.console.geometry import (
    BOTTOM,
    GAP,
    LEFT,
    LETTER,
    MIN_BAR_HEIGHT,
    RIGHT,
    TOP,
    WIDTH,
    Column,
    Drawing,
    Part,
    Scale,
    count_scale,
    draw,
    labelled_columns,
    short,
)
from apps.analytics.figures import Period
from apps.analytics.figures.periods import EARLIEST, MAX_DAYS

HUNDRED = Scale(marks=(0, 50, 100))
BOTH_WAYS = Scale(marks=(-100, 0, 100))
FIRST = date(2026, 11, 23)


def part(value: float | None, **fields: Any) -> Part:
    """Return a part with this value."""
    return Part(**{"value": value, "name": "", "href": "", "look": "plain", **fields})


def chart_of(*values: float | None, scale: Scale = HUNDRED) -> Drawing:
    """Return a chart with a bar for each value."""
    return draw([Column(label="", parts=[part(value)]) for value in values], scale=scale)


def test_the_height_of_a_bar_is_its_value() -> None:
    whole, half = chart_of(100, 50).bars

    assert (whole.shape.y, whole.shape.height) == (TOP, BOTTOM - TOP)
    assert half.shape.height == whole.shape.height / 2
    assert half.shape.y + half.shape.height == BOTTOM


def test_a_negative_bar_starts_at_zero_and_points_down() -> None:
    up, down = chart_of(100, -100, scale=BOTH_WAYS).bars
    zero = BOTH_WAYS.y(0)

    assert up.shape.y + up.shape.height == down.shape.y == zero
    assert up.shape.height == down.shape.height
    assert down.shape.y + down.shape.height == BOTTOM


@pytest.mark.parametrize("value", [0, 0.001, -0.001])
def test_a_bar_of_a_small_value_is_visible_on_its_side_of_zero(value: float) -> None:
    (bar,) = chart_of(value, scale=BOTH_WAYS).bars
    zero = BOTH_WAYS.y(0)

    assert bar.shape.height == MIN_BAR_HEIGHT
    near_edge = bar.shape.y if value < 0 else bar.shape.y + MIN_BAR_HEIGHT
    assert near_edge == pytest.approx(zero, abs=0.01)


def test_a_column_without_a_value_has_its_width_but_no_bar() -> None:
    with_gap, whole = chart_of(50, None, 50).bars, chart_of(50, 50, 50).bars

    assert [bar.shape for bar in with_gap] == [whole[0].shape, whole[2].shape]


def test_parts_of_a_column_are_stacked() -> None:
    stack = [part(10), part(None), part(30), part(60)]
    low, middle, high = draw([Column(label="", parts=stack)], scale=HUNDRED).bars

    assert low.shape.y + low.shape.height == BOTTOM
    assert middle.shape.y + middle.shape.height == pytest.approx(low.shape.y)
    assert high.shape.y + high.shape.height == pytest.approx(middle.shape.y)
    assert high.shape.y == TOP


@given(st.lists(st.none() | st.floats(0, 100), min_size=1, max_size=MAX_BUCKETS))
def test_all_bars_are_within_the_axes_and_do_not_overlap(values: list[float | None]) -> None:
    bars = chart_of(*values).bars

    assert len(bars) == sum(value is not None for value in values)
    for bar in bars:
        assert bar.area.x >= LEFT - 0.1
        assert bar.area.x + bar.area.width <= RIGHT + 0.1 < WIDTH
        assert TOP <= bar.shape.y <= bar.shape.y + bar.shape.height <= BOTTOM + 0.01
        assert bar.area.x <= bar.shape.x
    for left, right in pairwise(bars):
        assert left.area.x + left.area.width <= right.area.x + 0.02


@given(st.lists(st.integers(0, 10_000_000), max_size=40))
def test_a_scale_of_counts_has_a_few_whole_marks_and_covers_all_counts(counts: list[int]) -> None:
    marks = count_scale(counts).marks

    assert 2 <= len(marks) <= 7
    assert marks[0] == 0
    assert max(marks) >= max([*counts, 1])
    assert all(mark == int(mark) for mark in marks)


@pytest.mark.parametrize(
    ("highest", "marks"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (4, [0, 1, 2, 3, 4]),
        (7, [0, 2, 4, 6, 8]),
        (12, [0, 3, 6, 9, 12]),
        (102, [0, 25, 50, 75, 100, 125]),
    ],
)
def test_the_marks_are_round(highest: int, marks: list[int]) -> None:
    assert count_scale([highest]).marks == marks


@given(st.integers(1, MAX_BUCKETS), st.sampled_from(["0", "10", "25 Oct"]))
def test_labels_do_not_touch_and_include_the_first(number: int, label: str) -> None:
    room = (RIGHT - LEFT) / number
    chosen = labelled_columns([label] * number, room=room)

    assert chosen[0] == 0
    assert len(chosen) == 1 or chosen.step * room >= len(label) * LETTER + GAP


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1k"),
        (1_500, "1.5k"),
        (2_000_000, "2M"),
        (-50, "\N{MINUS SIGN}50"),
    ],
)
def test_numbers_beside_an_axis_are_short(value: float, text: str) -> None:
    assert short(value) == text


@given(st.dates(EARLIEST, date(2900, 1, 1)), st.integers(1, MAX_DAYS))
def test_buckets_are_the_days_of_the_period_in_order(first: date, number: int) -> None:
    period = Period(first=first, last=first + timedelta(days=number - 1))

    found = buckets(period)

    assert len(found) <= MAX_BUCKETS
    assert [day for bucket in found for day in bucket.days] == list(period.days)


@pytest.mark.parametrize(
    ("days", "called", "number"),
    [(1, "day", 1), (35, "day", 35), (36, "week", 6), (240, "week", 35), (400, "month", 14)],
)
def test_days_of_long_periods_are_grouped(days: int, called: str, number: int) -> None:
    period = Period(first=FIRST, last=FIRST + timedelta(days=days - 1))

    found = buckets(period)

    assert (unit(found, of=period), len(found)) == (called, number)


@pytest.mark.parametrize(
    ("days", "labels"),
    [
        (2, ["22 Nov", "23 Nov"]),
        (36, ["19 Oct", "26 Oct"]),
        (400, ["Oct 2025", "Nov 2025"]),
        (2_000, ["2021", "2022"]),
    ],
)
def test_months_and_years_at_the_axis_have_their_year(days: int, labels: list[str]) -> None:
    period = Period.of_days(days, last=FIRST)

    found = buckets(period)

    assert [label(one, per=unit(found, of=period)) for one in found[:2]] == labels


def test_a_column_that_is_not_over_is_marked_from_top_to_bottom() -> None:
    columns = [Column(label="", parts=[part(50)], is_over=is_over) for is_over in (True, False)]

    drawing = draw(columns, scale=HUNDRED)

    (area,) = drawing.unfinished
    assert (area.y, area.height) == (TOP, BOTTOM - TOP)
    assert area.x == (LEFT + RIGHT) / 2
    assert area.x + area.width == RIGHT


def test_ten_years_are_shown_by_year() -> None:
    period = Period.of_days(MAX_DAYS, last=FIRST)

    assert unit(buckets(period), of=period) == "year"
