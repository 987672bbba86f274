"""Rolls up days in the transaction of a test."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from uuid import UUID

from apps.analytics import rollups
from apps.analytics.figures import Period
from apps.analytics.rollup_models import RollupState, RollupWatch
from apps.analytics.rollups.writing import ProjectDay


def roll_up(*, until: datetime) -> None:
    """Roll up all local days that are over at this time, at the latest the day before it.

    Later changes of what happened before this time leave marks. No other transaction writes, so
    that this is certain at once; in production it is when older transactions have ended.
    """
    RollupWatch.objects.update_or_create(
        defaults={"marked_until": until, "settled_until": until, "fence": None}
    )
    rollups.restart_moved(settled_until=until)
    while rollups.fill_page(settled_until=until):
        pass
    while rollups.refresh_page():
        pass


def differing_days(period: Period) -> Collection[tuple[UUID | None, date]]:
    """Return the days whose rollups do not equal the rows, of all projects."""
    projects = RollupState.objects.values_list("project", flat=True)
    beside = (period.first - timedelta(days=2), period.last + timedelta(days=2))
    days = {*period.days, *beside}
    return rollups.differences([ProjectDay(one, day) for one in projects for day in days])
