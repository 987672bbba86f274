"""Beat's scheduler."""

import logging
from typing import Any

from django.db import Error
from django_celery_beat.schedulers import DatabaseScheduler

logger = logging.getLogger(__name__)


class PatientScheduler(DatabaseScheduler):
    """Schedules from PostgreSQL, kept while it is away.

    django-celery-beat reads them all again every five minutes and when one has changed, and lets
    beat end if PostgreSQL fails at just that moment. This one goes on with those that it has until
    the next time. Raises Django's database errors only if it has none: at its start.
    """

    def all_as_schedule(self) -> Any:
        """All schedules that are enabled, by name."""
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
