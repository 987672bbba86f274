"""What the demo arranges in the database before it begins. Needs Django's settings."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from apps.common.clock import now
from apps.conversations.models import Project
from apps.conversations.projects import ProjectRow, configure
from demo.closings import Closing
from demo.traffic import DemoProject

_SECONDS_BETWEEN_LAKE_TICKS = 10
_SECONDS_BETWEEN_CLOSING_TICKS = 1


def add_projects(projects: Sequence[DemoProject]) -> None:
    """Make the projects of the day with their zones; they close half a day from now.

    Until they are given another closing time, nothing closes but by an event.
    """
    for project in projects:
        closing = (now() + timedelta(hours=12)).astimezone(ZoneInfo(project.timezone))
        Project.objects.create(
            uuid=project.uuid,
            name=project.name,
            timezone=project.timezone,
            closing_time=closing.time().replace(second=0, microsecond=0),
        )


def set_closing_times(closings: Sequence[Closing]) -> None:
    """Give each project its closing time, as `manage.py projects set` does.

    That moves the conversations that are open.
    """
    rows = [
        ProjectRow(uuid=UUID(closing.project.uuid), settings={"closing_time": closing.local.time()})
        for closing in closings
    ]
    configure(rows=rows, now=now(), dry_run=False)


def have_the_lake_told_often() -> None:
    """Have beat tell the lake every few seconds instead of every minute."""
    _schedule("tasks.datalake.send_data_lake_event", seconds=_SECONDS_BETWEEN_LAKE_TICKS)


def have_closings_looked_for_often() -> None:
    """Have beat look for conversations that are due every second instead of every minute.

    A running beat finds out within five seconds (django-celery-beat, `DatabaseScheduler`).
    """
    _schedule("tasks.closing.close_due_conversations", seconds=_SECONDS_BETWEEN_CLOSING_TICKS)


def _schedule(task: str, *, seconds: int) -> None:
    # In one commit: django-celery-beat notes that something has changed before it writes what.
    with transaction.atomic():
        interval, _ = IntervalSchedule.objects.get_or_create(
            every=seconds, period=IntervalSchedule.SECONDS
        )
        schedule = PeriodicTask.objects.get(task=task)
        schedule.interval = interval
        schedule.save()
