"""The task that sends the outbox to the data lake."""

import logging
from functools import cache

from celery import shared_task
from django.conf import settings
from django.db import close_old_connections

from apps.analytics import outbox
from apps.analytics.datalake import DataLake, data_lake
from apps.common.clock import now
from apps.common.errors import Unavailable
from celery_sqs_fifo import PointerForm
from observability.metrics import counters
from tasks.base import PointerTask

logger = logging.getLogger(__name__)

DATA_LAKE_GROUP = "data-lake"


@shared_task(
    base=PointerTask,
    pointer=PointerForm.NO_ARGUMENTS,
    message_group=DATA_LAKE_GROUP,
    deduplicate_for=2,
)
def send_data_lake_event() -> None:
    """Send the events of the outbox to the data lake.

    If the lake is unavailable, the outbox keeps its events and the task ends without an error.
    """
    close_old_connections()
    try:
        handled = outbox.drain(lake=_lake(), now=now(), on_delivery=counters.count_lake_events)
    except Unavailable as error:
        logger.warning("data_lake_unavailable", extra={"error": str(error)})
    else:
        logger.info("data_lake_events_sent", extra={"events": handled})
    outbox.prune(now=now())


def publish_outbox_hint() -> None:
    """Publish a hint that the outbox has events, so that a worker sends them soon.

    A lost hint only delays them: beat starts the same task every minute.
    """
    try:
        send_data_lake_event.apply_async()
    except Exception as error:
        logger.warning("nudge_not_sent", extra={"error": type(error).__name__})


@cache
def _lake() -> DataLake:
    return data_lake(settings.DATALAKE_URL)
