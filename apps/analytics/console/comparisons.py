"""Compares the figures of a period with those of the period before.

Days that are not over would make a period look worse than the one before. So only the complete days
are compared, with the same days of the period before: those as many days earlier as the period is
long. In a period of whole weeks, each weekday is compared with the same weekday.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext

from apps.analytics.console.indicators import Indicator
from apps.analytics.console.units import Value
from apps.analytics.figures import Period, Scope, Totals, figures, texts, totals_of

# Of fewer answers or conversations, the figures differ by chance from one period to the next.
MIN_COMPARED = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The complete days of a period, the same days of the period before, and their figures."""

    days: Period
    days_before: Period
    now: Totals
    before: Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A figure of two periods. `difference` is None if it would say nothing."""

    now: Value
    before: Value
    difference: Value
    text: str


def compared_days(period: Period, *, first_open_day: date) -> tuple[Period, Period] | None:
    """Return the complete days of a period, and the days that they are compared with.

    None if no day is complete, or if the days before were too long ago for a period.
    """
    last = min(period.last, first_open_day - timedelta(days=1))
    if last < period.first:
        return None
    length = timedelta(days=len(period.days))
    try:
        return (
            Period(first=period.first, last=last),
            Period(first=period.first - length, last=last - length),
        )
    except ValueError:
        return None


def compared(
    totals: Totals, *, scope: Scope, period: Period, first_open_day: date
) -> Comparison | None:
    """Return the comparison of a period, whose totals are given. None if it has none."""
    days = compared_days(period, first_open_day=first_open_day)
    if not days:
        return None
    complete, before = days
    return Comparison(
        days=complete,
        days_before=before,
        now=(totals if complete == period else totals_of(figures(scope=scope, period=complete))),
        before=totals_of(figures(scope=scope, period=before)),
    )


def change(indicator: Indicator, comparison: Comparison) -> Change:
    """Return how a figure changed, with a text that ends with the change if there is one."""
    now, before = indicator.value(comparison.now), indicator.value(comparison.before)
    difference = _difference(indicator, comparison, now, before)
    return Change(
        now=now,
        before=before,
        difference=difference,
        text=_text(indicator, comparison, before, difference),
    )


def _difference(indicator: Indicator, comparison: Comparison, now: Any, before: Any) -> Value:
    if now is None or before is None:
        return None
    if not indicator.unit.is_count and _fewest(indicator, comparison) < MIN_COMPARED:
        return None
    difference: Value = now - before
    return difference


def _text(indicator: Indicator, comparison: Comparison, before: Any, difference: Value) -> str:
    if difference is None:
        is_missing = before is None or indicator.value(comparison.now) is None
        return "" if is_missing else gettext("too few to compare")
    written = indicator.unit.change(difference)
    if not indicator.unit.is_count or before < MIN_COMPARED:
        return written
    return f"{written} ({_signed_percent(difference, before)})"


def _signed_percent(difference: Any, before: int) -> str:
    return f"{texts.signed(100 * difference / before)}%"


def _fewest(indicator: Indicator, comparison: Comparison) -> int:
    return min(indicator.counted(comparison.now), indicator.counted(comparison.before))
