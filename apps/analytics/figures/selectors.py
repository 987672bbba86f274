"""Functions that compute the figures from PostgreSQL.

Each function runs two statements, one for the time zones and one for its figures; `figures` runs
five. The statements do not share a snapshot: a row that is written between them may count in one
figure and not yet in another. All functions raise ZoneInfoNotFoundError if a project's time zone is
not in the installed tz database.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from apps.analytics.figures.periods import Period
from apps.analytics.figures.results import (
    CSAT_SCORES,
    HOURS,
    NPS_SCORES,
    RESOLUTIONS,
    ClosingFigures,
    CsatFigures,
    Figures,
    LengthFigures,
    NpsFigures,
    OpeningFigures,
    Scope,
    SurveyFigures,
)
from apps.analytics.figures.statements import (
    ANSWERS,
    CLOSINGS,
    LENGTHS,
    OPENINGS,
    run_statement,
    zones,
)
from apps.conversations.models import CSAT_KEY, NPS_KEY, Resolution


def figures(*, scope: Scope, period: Period) -> Figures:
    """Return all figures of a scope and a period."""
    timezones = zones(scope=scope)
    return Figures(
        scope=scope,
        period=period,
        surveys=_surveys(scope, period, timezones),
        openings=_openings(scope, period, timezones),
        closings=_closings(scope, period, timezones),
        lengths=_lengths(scope, period, timezones),
    )


def surveys(*, scope: Scope, period: Period) -> SurveyFigures:
    """Return CSAT and NPS of the period and of each of its days."""
    return _surveys(scope, period, zones(scope=scope))


def openings(*, scope: Scope, period: Period) -> OpeningFigures:
    """Return the numbers of conversations opened, by day and by hour."""
    return _openings(scope, period, zones(scope=scope))


def closings(*, scope: Scope, period: Period) -> ClosingFigures:
    """Return the numbers of conversations closed, by day and resolution, and their answers."""
    return _closings(scope, period, zones(scope=scope))


def lengths(*, scope: Scope, period: Period) -> LengthFigures:
    """Return the median length and duration of closed conversations."""
    return _lengths(scope, period, zones(scope=scope))


def local_today(*, scope: Scope, now: datetime) -> tuple[date, date]:
    """Return the earliest and the latest date that is today in the zones of the scope's projects.

    Without projects, it is the date in the default time zone.
    """
    timezones = zones(scope=scope) or [str(settings.DEFAULT_TIMEZONE)]
    today = [now.astimezone(ZoneInfo(timezone)).date() for timezone in timezones]
    return min(today), max(today)


def _surveys(scope: Scope, period: Period, timezones: Sequence[str]) -> SurveyFigures:
    rows = run_statement(ANSWERS, scope=scope, period=period, timezones=timezones)
    by_day: defaultdict[tuple[str, date], Counter[int]] = defaultdict(Counter)
    totals: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for key, day, score, number in rows:
        by_day[key, day][score] += number
        totals[key][score] += number
    return SurveyFigures(
        csat=_csat(totals[CSAT_KEY]),
        nps=_nps(totals[NPS_KEY]),
        csat_by_day={day: _csat(by_day[CSAT_KEY, day]) for day in period.days},
        nps_by_day={day: _nps(by_day[NPS_KEY, day]) for day in period.days},
    )


def _openings(scope: Scope, period: Period, timezones: Sequence[str]) -> OpeningFigures:
    by_day: Counter[date] = Counter()
    by_hour: Counter[int] = Counter()
    for day, hour, number in run_statement(
        OPENINGS, scope=scope, period=period, timezones=timezones
    ):
        by_day[day] += number
        by_hour[hour] += number
    return OpeningFigures(
        by_day={day: by_day[day] for day in period.days},
        by_hour={hour: by_hour[hour] for hour in HOURS},
    )


def _closings(scope: Scope, period: Period, timezones: Sequence[str]) -> ClosingFigures:
    by_day: defaultdict[date, Counter[Resolution]] = defaultdict(Counter)
    outreach_by_day: Counter[date] = Counter()
    totals: Counter[str] = Counter()
    rows = run_statement(CLOSINGS, scope=scope, period=period, timezones=timezones)
    for day, resolution, number, outreach, answered, archived, messages in rows:
        by_day[day][Resolution(resolution)] += number
        outreach_by_day[day] += outreach
        totals.update(answered=answered, archived=archived, messages=messages)
    return ClosingFigures(
        by_day={
            day: {resolution: by_day[day][resolution] for resolution in RESOLUTIONS}
            for day in period.days
        },
        outreach_by_day={day: outreach_by_day[day] for day in period.days},
        answered=totals["answered"],
        archived=totals["archived"],
        messages=totals["messages"],
    )


def _lengths(scope: Scope, period: Period, timezones: Sequence[str]) -> LengthFigures:
    ((messages, duration),) = run_statement(
        LENGTHS, scope=scope, period=period, timezones=timezones
    )
    return LengthFigures(median_messages=messages, median_duration=duration)


def _csat(distribution: Mapping[int, int]) -> CsatFigures:
    return CsatFigures(distribution={score: distribution.get(score, 0) for score in CSAT_SCORES})


def _nps(distribution: Mapping[int, int]) -> NpsFigures:
    return NpsFigures(distribution={score: distribution.get(score, 0) for score in NPS_SCORES})
