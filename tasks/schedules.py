"""The schedules of beat. They are in django-celery-beat's tables, where operators can edit them."""

from collections.abc import Callable

from django.db import transaction
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from tasks.closing import archive_before_expiry, archive_late_messages, close_due_conversations
from tasks.datalake import compact_data_lake, send_data_lake_event
from tasks.deadletters.collect import collect_dead_letters
from tasks.retention import delete_expired
from tasks.rollups import keep_rollups

EVERY_MINUTE = {
    "Close conversations that are due": close_due_conversations,
    "Archive messages before they expire": archive_before_expiry,
    "Archive messages that came late": archive_late_messages,
    "Send events to the data lake": send_data_lake_event,
    "Collect dead letters": collect_dead_letters,
}
EVERY_HOUR = {
    "Delete what is beyond its retention": delete_expired,
    "Merge the data lake's files of past days": compact_data_lake,
    "Keep the daily rollups of the figures": keep_rollups,
}
SCHEDULES = EVERY_MINUTE | EVERY_HOUR


# In a zone with daylight saving time, celery's crontab runs nothing for an hour in autumn, because
# it treats the repeated local times as past.
CRONTAB_ZONES = ("UTC", "Etc/UTC")


def is_in_utc(crontab: CrontabSchedule) -> bool:
    """Return whether a crontab has the time zone that all crontabs of this service must have."""
    return str(crontab.timezone) in CRONTAB_ZONES


def missing_schedules() -> list[str]:
    """Return the names of the schedules that `ensure_schedules` would create."""
    found = set(PeriodicTask.objects.filter(name__in=SCHEDULES).values_list("name", flat=True))
    return [name for name in SCHEDULES if name not in found]


@transaction.atomic
def ensure_schedules(*, report: Callable[[str], object] = lambda _change: None) -> None:
    """Create the schedules that are missing, and pass a sentence about each to `report`.

    Schedules that operators have edited do not change.
    """
    for tasks, period in (
        (EVERY_MINUTE, IntervalSchedule.MINUTES),
        (EVERY_HOUR, IntervalSchedule.HOURS),
    ):
        # An operator may have added the same interval again.
        interval = IntervalSchedule.objects.filter(every=1, period=period).first()
        interval = interval or IntervalSchedule.objects.create(every=1, period=period)
        for name, task in tasks.items():
            _, is_new = PeriodicTask.objects.get_or_create(
                name=name, defaults={"task": task.name, "interval": interval}
            )
            if is_new:
                report(f'The schedule "{name}": created.')
