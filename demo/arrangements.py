"""What the demo arranges in the database before it begins. Needs Django's settings."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django_celery_beat.models import IntervalSchedule, PeriodicTask

from apps.conversations.models import Project
from demo.traffic import DemoProject

_SECONDS_BETWEEN_LAKE_TICKS = 10


def add_projects(projects: Sequence[DemoProject], *, now: datetime) -> None:
    """Make the projects of the day with their zones; they close half a day from now."""
    for project in projects:
        closing = (now + timedelta(hours=12)).astimezone(ZoneInfo(project.timezone))
        Project.objects.create(
            uuid=project.uuid,
            name=project.name,
            timezone=project.timezone,
            closing_time=closing.time().replace(second=0, microsecond=0),
        )


def shorten_schedule() -> None:
    """Have beat tell the lake every few seconds instead of every minute."""
    interval, _ = IntervalSchedule.objects.get_or_create(
        every=_SECONDS_BETWEEN_LAKE_TICKS, period=IntervalSchedule.SECONDS
    )
    schedule = PeriodicTask.objects.get(task="tasks.datalake.send_data_lake_event")
    schedule.interval = interval
    schedule.save()
