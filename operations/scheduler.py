"""Beat's scheduler."""

import logging
from typing import Any

from celery.beat import SchedulingError
from django.db import Error, connection
from django_celery_beat.schedulers import DatabaseScheduler

from apps.common.clock import now
from tasks.waiting_work import Asking

logger = logging.getLogger(__name__)


class ResilientScheduler(DatabaseScheduler):
    """Beat's scheduler, which survives an outage of PostgreSQL and a clock that was wrong.

    It sends a task only if the task has anything to do (tasks.waiting_work).

    django-celery-beat reads all schedules again every five minutes and after a change, and ends
    beat if PostgreSQL is unavailable at that moment. This scheduler continues with the schedules
    that it has read before. Only at its start, when it has not read any yet, it ends beat with a
    sentence.

    If a clock was ahead, on this machine or another one, the last run of a schedule may be in the
    future, and the schedule would not be due until then. Such a last run is replaced by the last
    run that this beat knows, or by the current time.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._ticked_at = now()
        self._asking = Asking()
        try:
            super().__init__(*arguments, **options)
        except Error as error:
            raise SystemExit(
                f"Beat cannot read its schedules from PostgreSQL ({type(error).__name__}). "
                "`python manage.py doctor` shows what to fix. Then start beat again."
            ) from error

    def tick(self, *arguments: Any, **options: Any) -> Any:
        """Run what is due, and return the seconds until the next call.

        After the clock was set back, start over: both the planned runs and the time of the next
        reading lie too far in the future.
        """
        moment = now()
        if moment < self._ticked_at:
            self._heap = None
            self._initial_read = True
        self._ticked_at = moment
        return super().tick(*arguments, **options)

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Send a task that is due, if it has work. Its run counts either way.

        Sending also saves the last runs from time to time, which must not stop without work: doctor
        and an alert conclude from them that beat runs.
        """
        if self._asking.has_work(entry.task):
            super().apply_entry(entry, producer=producer)
        elif self.should_sync():
            self._do_sync()

    def apply_async(self, entry: Any, producer: Any = None, **options: Any) -> Any:
        """Send a task. Return None if that fails: the next run of the schedule sends it again.

        Celery would log the error's text and a whole stack in one message.
        """
        try:
            return super().apply_async(entry, producer=producer, **options)
        except SchedulingError as error:
            # Celery raises SchedulingError without a cause, while it handles the original error.
            # That may be kombu's OperationalError, whose cause is the error of AWS.
            sending = error.__context__ or error
            logger.error(
                "scheduled_task_not_sent",
                exc_info=sending.__cause__ or sending,
                extra={"schedule": entry.name},
            )
            return None

    def sync(self) -> None:
        """Save the last runs. After an error, save them again later, through a new connection.

        After a failover, a session on the old server stays read-only. django-celery-beat would keep
        the session, and would forget which last runs it has not saved.
        """
        unsaved = set(self._dirty)
        super().sync()
        if connection.errors_occurred:
            connection.close()
            self._dirty |= unsaved

    def all_as_schedule(self) -> Any:
        """Return all enabled schedules, by name."""
        schedules = self._read()
        for schedule in schedules.values():
            self._correct_last_run(schedule)
        return schedules

    def _read(self) -> Any:
        try:
            return super().all_as_schedule()
        except Error as error:
            if self._schedule is None:
                raise
            logger.warning(
                "schedules_not_read",
                extra={"error": type(error).__name__},
            )
            return self._schedule

    def _correct_last_run(self, schedule: Any) -> None:
        """Correct a last run in the future. The next sync saves the correction.

        This is done after each reading, because an earlier correction may not have been saved, for
        example while the database was read-only.
        """
        moment = now()
        ahead = (schedule.last_run_at - moment).total_seconds()
        if ahead <= 0:
            return
        logger.warning(
            "last_run_in_future",
            extra={"schedule": schedule.name, "seconds_ahead": round(ahead, 1)},
        )
        known = (self._schedule or {}).get(schedule.name)
        last_run_at = min(known.last_run_at, moment) if known else moment
        schedule.last_run_at = schedule.model.last_run_at = last_run_at
        # This must not count as a change by an operator, after which beat reads all schedules
        # again.
        schedule.model.no_changes = True
        self._dirty.add(schedule.name)
