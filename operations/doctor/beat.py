"""Whether beat runs: when it last did what stands in its tables."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.db import DatabaseError, InterfaceError
from django_celery_beat.models import PeriodicTask

from apps.common.clock import now
from operations.doctor.findings import Finding, error, ok, skipped, warning
from operations.doctor.postgresql import bounded
from tasks.schedules import EVERY_MINUTE

# Beat writes the times of its ticks down every three minutes (celery.beat.Scheduler.sync_every).
LATE = timedelta(minutes=4)
START_BEAT = "Is beat running? Start one: celery -A config beat"


def check() -> Iterator[Finding]:
    """A finding for each schedule that this service needs, whatever operators call it."""
    names = {name: f"beat.{task.name.rpartition('.')[2]}" for name, task in EVERY_MINUTE.items()}
    try:
        with bounded():
            related = PeriodicTask.objects.select_related("interval", "crontab", "solar", "clocked")
            found = list(related.filter(task__in=[task.name for task in EVERY_MINUTE.values()]))
    except (DatabaseError, InterfaceError) as failure:
        reason = f"Its table cannot be read ({type(failure).__name__}): see postgresql."
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
            "It is switched off.",
            f'Switch "{schedules[0].name}" on in the admin site, under Periodic tasks.',
        )
    return _newest(check_name, enabled)


def _newest(check_name: str, schedules: Sequence[PeriodicTask]) -> Finding:
    """The one that ran last counts: operators may have made another for the same task."""
    ran = [schedule for schedule in schedules if schedule.last_run_at]
    if not ran:
        changed = max(schedule.date_changed for schedule in schedules)
        age = now() - changed
        if age <= LATE + timedelta(minutes=1):
            return warning(
                check_name,
                f"It has not run yet; it was made or changed {_said(age)} ago.",
                "If beat runs, nothing: look again in five minutes.",
            )
        return error(check_name, f"It has never run, and is {_said(age)} old.", START_BEAT)
    newest = max(ran, key=lambda schedule: schedule.last_run_at)
    age = now() - newest.last_run_at
    # Negative when it should have run: for every minute, a tick older than five minutes.
    if newest.schedule.remaining_estimate(newest.last_run_at) < -LATE:
        return error(check_name, f"It last ran {_said(age)} ago ({newest.schedule}).", START_BEAT)
    return ok(check_name, f"It last ran {_said(age)} ago.")


def _said(age: timedelta) -> str:
    return str(timedelta(seconds=max(0, int(age.total_seconds()))))
