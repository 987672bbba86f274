"""Compares the figures that come from rollups with the same figures from the rows alone."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from django.db import connection

from apps.analytics.figures import Figures, Period, Scope, figures
from apps.analytics.rollup_models import DailyRollup, RollupState
from tests.histories.making import START
from tests.support.builders import PROJECT
from tests.support.rollups import roll_up

# All events of a history are before it.
END = START + timedelta(days=400)
_DAY = timedelta(days=1)
_ALL = Scope()


class Rollups:
    """The rollups of the histories that run side by side, until the last day of any of them.

    `seeds` are those of the histories, by their channels.
    """

    def __init__(self, *, seeds: Mapping[UUID, int], last: date) -> None:
        self._seeds = seeds
        self._period = Period(first=START.date() - _DAY, last=last + _DAY)
        # All days are rolled up while they are empty, so every change has to mark its day.
        roll_up(until=END)

    def renew(self, moment: str) -> Iterator[str]:
        """Roll up the days that have changed. Yield what is wrong, before and after that."""
        yield from self._differences(f"{moment}, days marked")
        roll_up(until=END)
        yield from self._differences(f"{moment}, days rolled up")

    def _differences(self, moment: str) -> Iterator[str]:
        """Yield the histories of which a figure of any day is not the same from the rows.

        They are searched only if the figures of all of them together differ.
        """
        found = [self._read(scope) for scope in (_ALL, Scope(project=PROJECT))]
        with _without_rollups():
            expected = self._read(_ALL)
        if found == [expected, expected]:
            return
        yield f"{moment}: the rollups of all histories differ from the rows"
        for channel, seed in self._seeds.items():
            of_rollups = self._read(Scope(channel=channel))
            with _without_rollups():
                of_rows = self._read(Scope(channel=channel))
            if of_rollups != of_rows:
                yield f"history {seed}, {moment}: its rollups differ from its rows"

    def _read(self, scope: Scope) -> Figures:
        found = figures(scope=scope, period=self._period, times_by_day=True)
        # The scope is not compared, because all histories are of one project.
        return replace(found, scope=_ALL)


@contextmanager
def _without_rollups() -> Iterator[None]:
    """Delete all rollups until the block ends."""
    with connection.cursor() as cursor:
        # Django's own savepoints are off (see `surroundings`).
        cursor.execute("SAVEPOINT with_rollups")
        RollupState.objects.all().delete()
        DailyRollup.objects.all().delete()
        yield
        cursor.execute("ROLLBACK TO SAVEPOINT with_rollups")
