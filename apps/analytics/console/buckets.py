"""Days brought together, so that a chart of a long period can still be read on a phone."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby

from apps.analytics.figures import CsatFigures, NpsFigures, Period
from apps.conversations.models import Resolution

MAX_BUCKETS = 35


def buckets(period: Period) -> list[Period]:
    """The days of a period; or its weeks (from Monday), months or years, if they are too many."""
    for beginning in (_day, _monday, _month, _year):
        groups = [list(days) for _, days in groupby(period.days, key=beginning)]
        if len(groups) <= MAX_BUCKETS:
            break
    return [Period(first=days[0], last=days[-1]) for days in groups]


def unit(parts: Sequence[Period], *, of: Period) -> str:
    """What the buckets of a period are called."""
    if len(parts) == len(of.days):
        return "day"
    days = max(len(part.days) for part in parts)
    return "week" if days <= 7 else "month" if days <= 31 else "year"


def name(bucket: Period) -> str:
    """A bucket in words."""
    if bucket.first == bucket.last:
        return long_date(bucket.first)
    return f"{long_date(bucket.first)} to {long_date(bucket.last)}"


def long_date(day: date) -> str:
    """As in 5 Nov 2026."""
    return f"{short_date(day)} {day.year}"


def short_date(day: date) -> str:
    """As in 5 Nov."""
    return f"{day.day} {day:%b}"


def csat(by_day: Mapping[date, CsatFigures], bucket: Period) -> CsatFigures:
    """The answers of all its days."""
    return CsatFigures(distribution=_sum([by_day[day].distribution for day in bucket.days]))


def nps(by_day: Mapping[date, NpsFigures], bucket: Period) -> NpsFigures:
    """The answers of all its days."""
    return NpsFigures(distribution=_sum([by_day[day].distribution for day in bucket.days]))


def closings(
    by_day: Mapping[date, Mapping[Resolution, int]], bucket: Period
) -> dict[Resolution, int]:
    """The conversations of all its days, by how they ended."""
    counts = [by_day[day] for day in bucket.days]
    return {one: sum(count[one] for count in counts) for one in counts[0]}


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
