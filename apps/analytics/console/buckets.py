"""Buckets of days, which keep the chart of a long period readable on a phone."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Literal

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy

from apps.analytics.figures import CsatFigures, NpsFigures, Period
from apps.conversations.models import Resolution

MAX_BUCKETS = 35

Unit = Literal["day", "week", "month", "year"]

# Formats of Django's date filter. The language of a page decides about capitals and order.
_LABELS: Mapping[Unit, str | Promise] = {
    "day": gettext_lazy("j M"),
    "week": gettext_lazy("j M"),
    "month": gettext_lazy("M Y"),
    "year": "Y",
}


def buckets(period: Period) -> list[Period]:
    """Return the days of a period, or its weeks (from Monday), months or years.

    It uses the smallest of these units that makes at most MAX_BUCKETS buckets.
    """
    for first_day in (_day, _monday, _month, _year):
        groups = [list(days) for _, days in groupby(period.days, key=first_day)]
        if len(groups) <= MAX_BUCKETS:
            break
    return [Period(first=days[0], last=days[-1]) for days in groups]


def unit(parts: Sequence[Period], *, of: Period) -> Unit:
    """Return the unit of a period's buckets."""
    if len(parts) == len(of.days):
        return "day"
    days = max(len(part.days) for part in parts)
    return "week" if days <= 7 else "month" if days <= 31 else "year"


def name(bucket: Period) -> str:
    """Return the dates of a bucket, as in 5 Nov 2026 to 11 Nov 2026."""
    if bucket.first == bucket.last:
        return long_date(bucket.first)
    days = {"first": long_date(bucket.first), "last": long_date(bucket.last)}
    return gettext("%(first)s to %(last)s") % days


def label(bucket: Period, *, per: Unit) -> str:
    """Return the label of a bucket at the axis, as in 5 Nov, Nov 2026 or 2026."""
    return date_format(bucket.first, str(_LABELS[per]))


def long_date(day: date) -> str:
    """Return a date, as in 5 Nov 2026."""
    return date_format(day, gettext("j M Y"))


def csat(by_day: Mapping[date, CsatFigures], bucket: Period) -> CsatFigures:
    """Return the CSAT figures of a bucket."""
    return CsatFigures(distribution=_sum([by_day[day].distribution for day in bucket.days]))


def nps(by_day: Mapping[date, NpsFigures], bucket: Period) -> NpsFigures:
    """Return the NPS figures of a bucket."""
    return NpsFigures(distribution=_sum([by_day[day].distribution for day in bucket.days]))


def closings(
    by_day: Mapping[date, Mapping[Resolution, int]], bucket: Period
) -> dict[Resolution, int]:
    """Return the number of conversations closed in a bucket, by resolution."""
    counts = [by_day[day] for day in bucket.days]
    return {resolution: sum(count[resolution] for count in counts) for resolution in counts[0]}


def _sum(distributions: Sequence[Mapping[int, int]]) -> dict[int, int]:
    return {score: sum(one[score] for one in distributions) for score in distributions[0]}


def _day(day: date) -> date:
    return day


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _month(day: date) -> date:
    return day.replace(day=1)


def _year(day: date) -> date:
    return day.replace(month=1, day=1)
