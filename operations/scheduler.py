"""Beat's scheduler."""

import logging
from typing import Any

from django.db import Error
from django_celery_beat.schedulers import DatabaseScheduler

logger = logging.getLogger(__name__)


class ResilientScheduler(DatabaseScheduler):
    """Schedules from PostgreSQL that beat keeps while PostgreSQL is unavailable.

    django-celery-beat reads all schedules again every five minutes and after a change. If
    PostgreSQL is unavailable at that moment, beat ends. This scheduler continues with the schedules
    that it has. Only if it has none, at its start, does it raise Django's database errors.
    """

    def all_as_schedule(self) -> Any:
        """Return all enabled schedules, by name."""
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
