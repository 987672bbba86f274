"""What beat does, kept in django-celery-beat's tables where operators can see and edit it."""

from django_celery_beat.models import IntervalSchedule, PeriodicTask

from tasks.datalake import send_data_lake_event


def ensure_schedules() -> None:
    """Make the schedules that are missing; those that operators have edited stay as they are."""
    every_minute, _ = IntervalSchedule.objects.get_or_create(
        every=1, period=IntervalSchedule.MINUTES
    )
    PeriodicTask.objects.get_or_create(
        name="Tell the data lake",
        defaults={"task": send_data_lake_event.name, "interval": every_minute},
    )
