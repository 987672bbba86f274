"""Sets closing times and schedules, as an operator does. Needs Django's settings."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from apps.common.clock import now
from apps.conversations.projects import ProjectRow, configure
from demo.closings import Closing

_SECONDS_BETWEEN_LAKE_TICKS = 10
_SECONDS_BETWEEN_CLOSING_TICKS = 1


def set_closing_times(closings: Sequence[Closing]) -> None:
    """Set the closing times, as `manage.py projects set` does: open conversations are moved."""
    rows = [
        ProjectRow(uuid=UUID(closing.project.uuid), settings={"closing_time": closing.local.time()})
        for closing in closings
    ]
    configure(rows=rows, now=now(), dry_run=False)


def send_to_the_lake_often() -> None:
    """Make beat send answers to the lake every 10 seconds instead of every minute."""
    _schedule("tasks.datalake.send_data_lake_event", seconds=_SECONDS_BETWEEN_LAKE_TICKS)


def look_for_closings_often() -> None:
    """Make beat look for conversations that are due every second instead of every minute.

    A running beat reads the change within five seconds (django-celery-beat, `DatabaseScheduler`).
    """
    _schedule("tasks.closing.close_due_conversations", seconds=_SECONDS_BETWEEN_CLOSING_TICKS)


def _schedule(task: str, *, seconds: int) -> None:
    # In one commit, because django-celery-beat records that something has changed before it writes
    # the change.
    with transaction.atomic():
        interval, _ = IntervalSchedule.objects.get_or_create(
            every=seconds, period=IntervalSchedule.SECONDS
        )
        schedule = PeriodicTask.objects.get(task=task)
        schedule.interval = interval
        schedule.save()
