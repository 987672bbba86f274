"""Checks whether beat runs, by the last run of each schedule."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.db import DatabaseError, InterfaceError
from django_celery_beat.models import PeriodicTask

from apps.common.clock import now
from operations.doctor.findings import Finding, error, ok, skipped, warning
from operations.doctor.postgresql import short_transaction
from tasks.schedules import EVERY_MINUTE

# Beat saves the times of runs every three minutes (celery.beat.Scheduler.sync_every).
MAX_DELAY = timedelta(minutes=4)
START_BEAT = "If beat is not running, start it: celery -A config beat"


def check() -> Iterator[Finding]:
    """Yield a finding for each schedule that this service needs, even if operators renamed it."""
    names = {name: f"beat.{task.name.rpartition('.')[2]}" for name, task in EVERY_MINUTE.items()}
    try:
        with short_transaction():
            related = PeriodicTask.objects.select_related("interval", "crontab", "solar", "clocked")
            found = list(related.filter(task__in=[task.name for task in EVERY_MINUTE.values()]))
    except (DatabaseError, InterfaceError) as failure:
        reason = f"The schedules cannot be read ({type(failure).__name__}): see postgresql."
        yield from (skipped(check_name, reason) for check_name in names.values())
        return
    for name, task in EVERY_MINUTE.items():
        schedules = [schedule for schedule in found if schedule.task == task.name]
        yield _schedule(names[name], name, schedules)


def _schedule(check_name: str, name: str, schedules: Sequence[PeriodicTask]) -> Finding:
    if not schedules:
        return error(
            check_name, f'The schedule "{name}" is missing.', "Run: python manage.py provision"
        )
    enabled = [schedule for schedule in schedules if schedule.enabled]
    if not enabled:
        return warning(
            check_name,
            "The schedule is disabled.",
            f'Enable "{schedules[0].name}" in the admin site, under Periodic tasks.',
        )
    return _latest_run(check_name, enabled)


def _latest_run(check_name: str, schedules: Sequence[PeriodicTask]) -> Finding:
    """Return a finding for the schedule that ran last, as operators may have added another one."""
    ran = [schedule for schedule in schedules if schedule.last_run_at]
    if not ran:
        changed = max(schedule.date_changed for schedule in schedules)
        age = now() - changed
        if age <= MAX_DELAY + timedelta(minutes=1):
            return warning(
                check_name,
                f"The schedule has not run yet. It was created or changed {_format_age(age)} ago.",
                "If beat is running, there is nothing to do. Run this again in five minutes.",
            )
        return error(
            check_name, f"The schedule has never run and is {_format_age(age)} old.", START_BEAT
        )
    newest = max(ran, key=lambda schedule: schedule.last_run_at)
    age = now() - newest.last_run_at
    # The estimate is negative if the schedule is late. A run every minute may be five minutes old.
    if newest.schedule.remaining_estimate(newest.last_run_at) < -MAX_DELAY:
        return error(
            check_name,
            f"The schedule last ran {_format_age(age)} ago ({newest.schedule}).",
            START_BEAT,
        )
    return ok(check_name, f"The schedule last ran {_format_age(age)} ago.")


def _format_age(age: timedelta) -> str:
    return str(timedelta(seconds=max(0, int(age.total_seconds()))))
