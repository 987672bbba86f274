"""Rolling up days: those that are over, and those that have changed since."""

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import F, Min

from apps.analytics.figures.periods import EARLIEST, Period, Span, spans
from apps.analytics.rollup_models import DailyRollup, RollupMark, RollupState
from apps.analytics.rollups import writing
from apps.analytics.rollups.watching import locked
from apps.analytics.rollups.writing import ProjectDay
from apps.conversations.project_models import Project

# One transaction rolls up so many days of all projects that have to be rolled up, or so many marks.
PAGE_DAYS = 7
PAGE_MARKS = 10_000
# No offset from UTC is as large, and no clock is set back so far.
_MARGIN = timedelta(days=1)
_DAY = timedelta(days=1)

_FIRST_TIME = """
SELECT least(
    (SELECT min(opened_at) FROM conversations_conversation WHERE project_id = %(project)s),
    (SELECT min(ended_at) FROM conversations_conversation WHERE project_id = %(project)s),
    (SELECT min(ended_at) FROM conversations_earlierclosing WHERE project_id = %(project)s),
    (SELECT min(answered_at) FROM analytics_surveyanswer WHERE project_id = %(project)s)
)
"""


def restart_moved(*, settled_until: datetime) -> None:
    """Begin with the projects that are new, and again with those whose time zone has changed."""
    with locked():
        states = RollupState.objects.select_related("project").exclude(
            timezone=F("project__timezone")
        )
        _forget([state.project_id for state in states])
        for project in Project.objects.exclude(pk__in=RollupState.objects.values("project")):
            RollupState.objects.create(
                project=project,
                timezone=project.timezone,
                complete_before=first_day(project, until=_last(project.timezone, settled_until)),
            )


def fill_page(*, settled_until: datetime) -> int:
    """Roll up the next seven days of the projects that are furthest behind.

    Return the number of days that were rolled up, or 0 if no project is behind.
    """
    with locked():
        behind = [
            state
            for state in RollupState.objects.order_by("project")
            if state.complete_before < _last(state.timezone, settled_until)
        ]
        if not behind:
            return 0
        until = min(state.complete_before for state in behind) + PAGE_DAYS * _DAY
        page = [state for state in behind if state.complete_before < until]
        periods = {
            state: Period(
                first=state.complete_before,
                last=min(until, _last(state.timezone, settled_until)) - _DAY,
            )
            for state in page
        }
        writing.add_up(writing.add(_pieces(periods)))
        for last in {period.last for period in periods.values()}:
            rolled_up = [state.pk for state, period in periods.items() if period.last == last]
            RollupState.objects.filter(pk__in=rolled_up).update(complete_before=last + _DAY)
        return sum(len(period.days) for period in periods.values())


def refresh_page() -> int:
    """Roll up again the days of the oldest marks. Return the number of marks, or 0.

    The marks are deleted first. So each change whose mark is among them is seen when its day is
    rolled up, and the mark of any other stays.
    """
    with locked():
        marks = list(RollupMark.objects.order_by("pk")[:PAGE_MARKS])
        RollupMark.objects.filter(pk__in=[mark.pk for mark in marks]).delete()
        states = RollupState.objects.in_bulk({mark.project_id for mark in marks})
        _roll_up_again(
            {
                ProjectDay(mark.project_id, _day_of(mark, states[mark.project_id]))
                for mark in marks
                if mark.project_id in states
            },
            states=states,
        )
        return len(marks)


def rebuild(projects: Collection[UUID]) -> Iterator[int]:
    """Roll up again all days of these projects. Yield the number of days of each page.

    Each page replaces rollups by new ones, so no figures have to be computed from the rows.
    """
    states = RollupState.objects.select_related("project").filter(pk__in=projects)
    if not states:
        return
    last = max(state.complete_before for state in states)
    stored = DailyRollup.objects.filter(project__in=projects).aggregate(first=Min("day"))["first"]
    first = min(stored or last, *(first_day(state.project, until=last) for state in states))
    for begun in range(0, (last - first).days, PAGE_DAYS):
        days = [first + (begun + offset) * _DAY for offset in range(PAGE_DAYS)]
        with locked():
            current = RollupState.objects.in_bulk(projects)
            pairs = {ProjectDay(project, day) for project in current for day in days}
            number = _roll_up_again(pairs, states=current)
        yield number


def first_day(project: Project, *, until: date) -> date:
    """Return the first local day on which a project may have rows, at most `until`."""
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_TIME, {"project": project.pk})
        (first,) = cursor.fetchone()
    return min(max((first - _MARGIN).date(), EARLIEST), until) if first else until


@lru_cache(maxsize=1_000)
def spans_of(period: Period, timezone: str) -> list[Span]:
    """Return the spans of a period in a zone. Callers ask for the same ones again and again."""
    return spans(period=period, timezone=timezone)


def _roll_up_again(pairs: Collection[ProjectDay], *, states: Mapping[UUID, RollupState]) -> int:
    """Replace those of these rollups that are complete. Return their number."""
    complete = sorted(pair for pair in pairs if pair.day < states[pair.project].complete_before)
    writing.delete(complete)
    writing.add(
        (pair.project, span)
        for pair in complete
        for span in spans_of(Period(first=pair.day, last=pair.day), states[pair.project].timezone)
    )
    writing.add_up({pair.day for pair in complete})
    return len(complete)


def _forget(projects: Collection[UUID]) -> None:
    rollups = DailyRollup.objects.filter(project__in=projects, of_deleted=False)
    days = set(rollups.values_list("day", flat=True))
    rollups.delete()
    RollupState.objects.filter(project__in=projects).delete()
    writing.add_up(days)


def _last(timezone: str, settled_until: datetime) -> date:
    """Return the day until which a zone's days are over at this time, that day excluded."""
    return (settled_until - _MARGIN).astimezone(ZoneInfo(timezone)).date()


def _day_of(mark: RollupMark, state: RollupState) -> date:
    return mark.at.astimezone(ZoneInfo(state.timezone)).date()


def _pieces(periods: dict[RollupState, Period]) -> Iterator[tuple[UUID, Span]]:
    for state, period in periods.items():
        for span in spans_of(period, state.timezone):
            yield state.project_id, span
