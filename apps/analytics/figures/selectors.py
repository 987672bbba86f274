"""What can be asked: each selector runs two statements, one for the zones and one for its figures.

`figures` asks for all of them with five. They are not of one snapshot: what is written meanwhile
may be in one figure and not yet in another. All raise ZoneInfoNotFoundError if a project's zone is
not in the installed tz database.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

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
from apps.analytics.figures.statements import ANSWERS, CLOSINGS, LENGTHS, OPENINGS, ask, zones
from apps.conversations.models import CSAT_KEY, NPS_KEY, Resolution


def figures(*, scope: Scope, period: Period) -> Figures:
    """All figures of a scope and a period."""
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
    """CSAT and NPS of the period and of each of its days."""
    return _surveys(scope, period, zones(scope=scope))


def openings(*, scope: Scope, period: Period) -> OpeningFigures:
    """Conversations opened, by day and by hour of day."""
    return _openings(scope, period, zones(scope=scope))


def closings(*, scope: Scope, period: Period) -> ClosingFigures:
    """Conversations closed, by resolution and day, with their response rate and messages."""
    return _closings(scope, period, zones(scope=scope))


def lengths(*, scope: Scope, period: Period) -> LengthFigures:
    """Median length and duration of the conversations that were closed."""
    return _lengths(scope, period, zones(scope=scope))


def _surveys(scope: Scope, period: Period, timezones: Sequence[str]) -> SurveyFigures:
    rows = ask(ANSWERS, scope=scope, period=period, timezones=timezones)
    by_day: defaultdict[tuple[str, date], Counter[int]] = defaultdict(Counter)
    in_all: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for key, day, score, number in rows:
        by_day[key, day][score] += number
        in_all[key][score] += number
    return SurveyFigures(
        csat=_csat(in_all[CSAT_KEY]),
        nps=_nps(in_all[NPS_KEY]),
        csat_by_day={day: _csat(by_day[CSAT_KEY, day]) for day in period.days},
        nps_by_day={day: _nps(by_day[NPS_KEY, day]) for day in period.days},
    )


def _openings(scope: Scope, period: Period, timezones: Sequence[str]) -> OpeningFigures:
    by_day: Counter[date] = Counter()
    by_hour: Counter[int] = Counter()
    for day, hour, number in ask(OPENINGS, scope=scope, period=period, timezones=timezones):
        by_day[day] += number
        by_hour[hour] += number
    return OpeningFigures(
        by_day={day: by_day[day] for day in period.days},
        by_hour={hour: by_hour[hour] for hour in HOURS},
    )


def _closings(scope: Scope, period: Period, timezones: Sequence[str]) -> ClosingFigures:
    by_day: defaultdict[date, Counter[Resolution]] = defaultdict(Counter)
    totals: Counter[str] = Counter()
    rows = ask(CLOSINGS, scope=scope, period=period, timezones=timezones)
    for day, resolution, number, answered, archived, messages in rows:
        by_day[day][Resolution(resolution)] += number
        totals.update(answered=answered, archived=archived, messages=messages)
    return ClosingFigures(
        by_day={day: {one: by_day[day][one] for one in RESOLUTIONS} for day in period.days},
        answered=totals["answered"],
        archived=totals["archived"],
        messages=totals["messages"],
    )


def _lengths(scope: Scope, period: Period, timezones: Sequence[str]) -> LengthFigures:
    ((messages, duration),) = ask(LENGTHS, scope=scope, period=period, timezones=timezones)
    return LengthFigures(median_messages=messages, median_duration=duration)


def _csat(distribution: Mapping[int, int]) -> CsatFigures:
    return CsatFigures(distribution={score: distribution.get(score, 0) for score in CSAT_SCORES})


def _nps(distribution: Mapping[int, int]) -> NpsFigures:
    return NpsFigures(distribution={score: distribution.get(score, 0) for score in NPS_SCORES})
