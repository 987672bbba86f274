"""Gives each project a closing time a few seconds in the future. Needs Django's settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from rich.console import Console

from apps.common.clock import now
from apps.conversations.projects import ProjectRow, configure, finish_moves
from testbed.traffic.projects import Project

# A running beat reads changed schedules every five seconds (django-celery-beat,
# `DatabaseScheduler`).
FIRST_AFTER = timedelta(seconds=5)
INTERVAL = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingTime:
    """The time, in UTC, at which the open conversations of a project close."""

    project: Project
    at: datetime

    @property
    def local(self) -> datetime:
        """The same instant in the project's time zone."""
        return self.project.local(self.at)


def plan_closings(projects: Sequence[Project], *, now: datetime) -> list[ClosingTime]:
    """Return a closing time for each project: the first is FIRST_AFTER after `now`."""
    first = now.astimezone(UTC).replace(microsecond=0) + FIRST_AFTER
    return [
        ClosingTime(project=project, at=first + number * INTERVAL)
        for number, project in enumerate(projects)
    ]


def set_closing_times(closings: Sequence[ClosingTime]) -> None:
    """Set the closing times, as `manage.py projects set` does.

    They also apply to conversations that are open now.
    """
    rows = [
        ProjectRow(uuid=UUID(closing.project.uuid), settings={"closing_time": closing.local.time()})
        for closing in closings
    ]
    configure(rows=rows, now=now(), dry_run=False)
    finish_moves([row.uuid for row in rows])


def schedule(task: str, *, seconds: int) -> None:
    """Make beat send a task at this interval, instead of every minute."""
    # In one commit, because django-celery-beat records that something has changed before it writes
    # the change.
    with transaction.atomic():
        interval, _ = IntervalSchedule.objects.get_or_create(
            every=seconds, period=IntervalSchedule.SECONDS
        )
        row = PeriodicTask.objects.get(task=task)
        row.interval = interval
        row.save()


class ClosingLines:
    """Prints a line for each project when its closing time has closed all its conversations.

    `left_open` is the number of these conversations, by the project's uuid.
    """

    def __init__(
        self, *, console: Console, closings: Sequence[ClosingTime], left_open: Mapping[str, int]
    ) -> None:
        self._console = console
        self._waiting = list(closings)
        self._left_open = left_open
        self._name_width = max(len(each.project.name) for each in closings)
        self._zone_width = max(len(each.project.timezone) for each in closings)

    def show(self, closed: Mapping[str, int]) -> None:
        """Print new lines.

        `closed` has the number of conversations that a closing time closed, by project uuid.
        """
        for closing in tuple(self._waiting):
            project = closing.project
            count = closed.get(project.uuid, 0)
            if count >= self._left_open[project.uuid]:
                self._waiting.remove(closing)
                self._console.print(
                    f"  {project.name:{self._name_width}}  {project.timezone:{self._zone_width}}  "
                    f"{closing.local:%H:%M:%S} local = {closing.at:%H:%M:%S} UTC  {count} closed",
                    highlight=False,
                    soft_wrap=True,
                )
