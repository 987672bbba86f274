"""The schedules of beat. They are in django-celery-beat's tables, where operators can edit them."""

from django.db import transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from tasks.closing import archive_before_expiry, archive_late_messages, close_due_conversations
from tasks.datalake import send_data_lake_event
from tasks.deadletters.collect import collect_dead_letters

EVERY_MINUTE = {
    "Close conversations that are due": close_due_conversations,
    "Archive messages before they expire": archive_before_expiry,
    "Archive messages that came late": archive_late_messages,
    "Tell the data lake": send_data_lake_event,
    "Collect dead letters": collect_dead_letters,
}


@transaction.atomic
def ensure_schedules() -> None:
    """Create the schedules that are missing. Schedules that operators have edited do not change."""
    every_minute, _ = IntervalSchedule.objects.get_or_create(
        every=1, period=IntervalSchedule.MINUTES
    )
    for name, task in EVERY_MINUTE.items():
        PeriodicTask.objects.get_or_create(
            name=name, defaults={"task": task.name, "interval": every_minute}
        )
