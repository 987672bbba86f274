"""Functions that compute the figures from PostgreSQL.

`figures` runs one statement for the time zones and one for all figures, which therefore show one
state of the database. All functions raise ZoneInfoNotFoundError if a project's time zone is not
in the installed tz database.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from apps.analytics.figures.distributions import csat, lengths, nps, times
from apps.analytics.figures.measures import Measure
from apps.analytics.figures.parts import parts
from apps.analytics.figures.periods import Period
from apps.analytics.figures.results import (
    HOURS,
    RESOLUTIONS,
    ClosingFigures,
    Figures,
    OpeningFigures,
    Scope,
    SurveyFigures,
    TimeFigures,
)
from apps.analytics.figures.scopes import zones


class _Parts:
    """The parts of the figures: the numbers of each value, by measure, in total and by day."""

    def __init__(self, *, scope: Scope, period: Period, times_by_day: bool) -> None:
        self.days = period.days
        self._totals: defaultdict[Measure, Counter[int]] = defaultdict(Counter)
        # A year has many days, and a Counter takes longer to make than a dict.
        self._by_day: defaultdict[tuple[Measure, date], dict[int, int]] = defaultdict(dict)
        for day, measure, value, number in parts(
            scope=scope, period=period, times_by_day=times_by_day
        ):
            self._totals[measure][value] += number
            self._by_day[measure, day][value] = number

    def of(self, measure: Measure) -> Mapping[int, int]:
        """Return the numbers of the whole period."""
        return self._totals[measure]

    def of_day(self, measure: Measure, day: date) -> Mapping[int, int]:
        """Return the numbers of a day. Distributions that were not read by day have none."""
        return self._by_day[measure, day]

    def count(self, measure: Measure) -> int:
        """Return the sum of the numbers of the whole period."""
        return self._totals[measure].total()

    def count_by_day(self, measure: Measure) -> dict[date, int]:
        """Return the sum of the numbers of each day."""
        return {day: sum(self._by_day[measure, day].values()) for day in self.days}


def figures(*, scope: Scope, period: Period, times_by_day: bool = False) -> Figures:
    """Return all figures of a scope and a period. Reading the times of each day takes longer."""
    found = _Parts(scope=scope, period=period, times_by_day=times_by_day)
    return Figures(
        scope=scope,
        period=period,
        surveys=_surveys(found),
        openings=_openings(found),
        closings=_closings(found),
        lengths=lengths(messages=found.of(Measure.LENGTH), seconds=found.of(Measure.DURATION)),
        times=times(
            first_response=found.of(Measure.FIRST_RESPONSE),
            to_resolution=found.of(Measure.TO_RESOLUTION),
        ),
        times_by_day=_times_by_day(found) if times_by_day else {},
    )


def local_today(*, scope: Scope, now: datetime) -> tuple[date, date]:
    """Return the earliest and the latest date that is today in the zones of the scope's projects.

    Without projects, it is the date in the default time zone.
    """
    timezones = zones(scope=scope) or [str(settings.DEFAULT_TIMEZONE)]
    today = [now.astimezone(ZoneInfo(timezone)).date() for timezone in timezones]
    return min(today), max(today)


def _surveys(found: _Parts) -> SurveyFigures:
    return SurveyFigures(
        csat=csat(found.of(Measure.CSAT)),
        nps=nps(found.of(Measure.NPS)),
        csat_by_day={day: csat(found.of_day(Measure.CSAT, day)) for day in found.days},
        nps_by_day={day: nps(found.of_day(Measure.NPS, day)) for day in found.days},
    )


def _times_by_day(found: _Parts) -> dict[date, TimeFigures]:
    return {
        day: times(
            first_response=found.of_day(Measure.FIRST_RESPONSE, day),
            to_resolution=found.of_day(Measure.TO_RESOLUTION, day),
        )
        for day in found.days
    }


def _openings(found: _Parts) -> OpeningFigures:
    by_hour = found.of(Measure.OPENED)
    return OpeningFigures(
        by_day=found.count_by_day(Measure.OPENED),
        by_hour={hour: by_hour.get(hour, 0) for hour in HOURS},
    )


def _closings(found: _Parts) -> ClosingFigures:
    return ClosingFigures(
        by_day={
            day: {
                resolution: found.of_day(Measure.CLOSED, day).get(resolution, 0)
                for resolution in RESOLUTIONS
            }
            for day in found.days
        },
        outreach_by_day=found.count_by_day(Measure.OUTREACH),
        answered=found.count(Measure.ANSWERED),
        archived=found.count(Measure.ARCHIVED),
        messages=found.count(Measure.MESSAGES),
    )
