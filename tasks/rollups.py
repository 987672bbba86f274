"""The task that keeps the daily rollups of the figures."""

import logging
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from uuid import uuid4

from celery import shared_task
from django.db import close_old_connections

from apps.analytics import rollups
from apps.common import clock
from celery_sqs_fifo import PointerForm
from tasks.base import PointerTask

# The maximum number of transactions in one run, so that a worker returns to its messages.
MAX_PAGES = 20

logger = logging.getLogger(__name__)


@shared_task(base=PointerTask, pointer=PointerForm.NO_ARGUMENTS, message_group="rollups")
def keep_rollups() -> None:
    """Roll up the days that are over, and again those that have changed since.

    One run writes a limited number of pages, and queues another run for the rest.
    """
    close_old_connections()
    if sum(1 for _page in islice(pages(now=clock.now()), MAX_PAGES)) == MAX_PAGES:
        keep_rollups.apply_async(deduplication_id=str(uuid4()))


def pages(*, now: datetime) -> Iterator[int]:
    """Bring the rollups up to date. Yield the number of days or marks of each page."""
    rollups.watch(now=now)
    settled_until = rollups.settle()
    if settled_until is None:
        return
    rollups.restart_moved(settled_until=settled_until)
    while days := rollups.fill_page(settled_until=settled_until):
        logger.info("days_rolled_up", extra={"days": days})
        yield days
    while marks := rollups.refresh_page():
        logger.info("days_rolled_up_again", extra={"changes": marks})
        yield marks
