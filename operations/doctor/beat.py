"""Checks whether beat runs, by the last run of each schedule."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.db import DatabaseError, InterfaceError
from django.utils.translation import gettext as _
from django_celery_beat.models import PeriodicTask

from apps.common.clock import now
from apps.common.durations import as_text
from operations.doctor.clocks import NOTICEABLE
from operations.doctor.findings import Finding, Status, error, ok, skipped, warning
from operations.doctor.postgresql import short_transaction
from operations.thresholds import MAX_BEAT_DELAY
from tasks.schedules import SCHEDULES, is_in_utc

START_BEAT = (
    "If beat is not running, start it: celery -A config beat. If it is, look for publish_failed "
    "and schedules_not_read in its log."
)
# From the best to the worst.
SEVERITY = {Status.OK: 0, Status.SKIPPED: 1, Status.WARNING: 2, Status.ERROR: 3}


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The finding about a schedule of a task. `schedule` is None if the task has none."""

    task: str
    schedule: PeriodicTask | None
    finding: Finding


def check() -> Iterator[Finding]:
    """Yield a finding for each task that needs a schedule, whatever operators named it."""
    try:
        with short_transaction():
            found = read_schedules()
    except (DatabaseError, InterfaceError) as failure:
        reason = f"The schedules cannot be read ({type(failure).__name__}): see postgresql."
        yield from (skipped(check_name(task.name), reason) for task in SCHEDULES.values())
        return
    yield from judge(found)


def read_schedules() -> list[PeriodicTask]:
    """Return the schedules of this service's tasks. Raise Django's database errors."""
    related = PeriodicTask.objects.select_related("interval", "crontab", "solar", "clocked")
    return list(related.filter(task__in=[task.name for task in SCHEDULES.values()]))


def judge(found: Sequence[PeriodicTask]) -> Iterator[Finding]:
    """Yield a finding for each task that needs a schedule: the worst of its schedules."""
    for _task, judged in groupby(judge_each(found), key=lambda one: one.task):
        yield max((one.finding for one in judged), key=lambda finding: SEVERITY[finding.status])


def judge_each(found: Sequence[PeriodicTask]) -> Iterator[Judged]:
    """Yield a finding for each enabled schedule of each task, or one for a task that has none."""
    last_run = max((one.last_run_at for one in found if one.last_run_at), default=None)
    for name, task in SCHEDULES.items():
        schedules = [schedule for schedule in found if schedule.task == task.name]
        yield from _judge_task(task.name, name, schedules, last_run=last_run)


def check_name(task: str) -> str:
    """Return the name of the check of a task's schedule."""
    return f"beat.{task.rpartition('.')[2]}"


def _judge_task(
    task: str, name: str, schedules: Sequence[PeriodicTask], *, last_run: datetime | None
) -> Iterator[Judged]:
    check = check_name(task)
    enabled = [schedule for schedule in schedules if schedule.enabled]
    if not schedules:
        missing = error(
            check,
            _('The schedule "%(name)s" is missing.') % {"name": name},
            "Run: python manage.py provision",
        )
        yield Judged(task=task, schedule=None, finding=missing)
    elif not enabled:
        disabled = warning(
            check,
            _("The schedule is disabled."),
            f'Enable "{schedules[0].name}" in the admin site, under Periodic tasks.',
        )
        yield Judged(task=task, schedule=schedules[0], finding=disabled)
    for schedule in enabled:
        finding = _latest_run(check, schedule, last_run=last_run)
        if finding.status is not Status.ERROR:
            finding = _zone(check, schedule) or finding
        yield Judged(task=task, schedule=schedule, finding=finding)


def _latest_run(check: str, schedule: PeriodicTask, *, last_run: datetime | None) -> Finding:
    """Return a finding for the latest run of a schedule.

    `last_run` is when beat last ran any schedule.
    """
    if not schedule.last_run_at:
        age = now() - schedule.date_changed
        if schedule.schedule.remaining_estimate(schedule.date_changed) >= -MAX_BEAT_DELAY:
            sentence = _("The schedule has not run yet. It was created or changed %(time)s ago.")
            found = sentence % {"time": as_text(age)}
            if last_run and last_run > schedule.date_changed:
                # Beat runs, and will run this one when it is due.
                return ok(check, found)
            return warning(
                check,
                found,
                "If beat is running, there is nothing to do. Run this again when it is due.",
            )
        sentence = _("The schedule has never run and is %(age)s old.")
        return error(check, sentence % {"age": as_text(age)}, START_BEAT)
    age = now() - schedule.last_run_at
    if age < -NOTICEABLE:
        return error(
            check,
            _(
                "The last run of the schedule is %(time)s in the future: a clock was ahead when "
                "beat saved it, or this machine's clock is behind."
            )
            % {"time": as_text(-age)},
            "If clocks.* are ok here and on beat's machine, there is nothing to do while beat "
            "runs: it corrects this within ten minutes. Otherwise set the clock: "
            "timedatectl set-ntp true",
        )
    # The estimate is negative if the schedule is late. Beat saves runs with a delay, so a schedule
    # of every minute may seem to be five minutes late.
    if schedule.schedule.remaining_estimate(schedule.last_run_at) < -MAX_BEAT_DELAY:
        return error(
            check,
            _("The schedule last ran %(time)s ago, and is due %(rule)s.")
            % {"time": as_text(age), "rule": schedule.scheduler},
            START_BEAT,
        )
    return ok(check, _("The schedule last ran %(time)s ago.") % {"time": as_text(age)})


def _zone(check: str, schedule: PeriodicTask) -> Finding | None:
    """Return a warning if the crontab has a zone in which celery may skip an hour, or None."""
    if not schedule.crontab or is_in_utc(schedule.crontab):
        return None
    return warning(
        check,
        _(
            "The crontab of the schedule is in the zone %(zone)s. In a zone with daylight "
            "saving time, beat sends nothing for an hour in autumn."
        )
        % {"zone": schedule.crontab.timezone},
        f'Choose a crontab in UTC for "{schedule.name}" in the admin site, under Periodic tasks.',
    )
