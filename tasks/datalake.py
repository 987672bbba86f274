"""The tasks that send the outbox to the data lake, and merge the lake's files."""

import logging
from functools import cache
from itertools import islice
from uuid import uuid4

from celery import shared_task
from django.conf import settings
from django.db import close_old_connections

from apps.analytics import datalake, outbox
from apps.analytics.datalake import DataLake, data_lake
from apps.common.clock import now
from apps.common.errors import Unavailable
from celery_sqs_fifo import PointerForm
from observability.metrics import counters
from tasks.base import PointerTask

logger = logging.getLogger(__name__)

DATA_LAKE_GROUP = "data-lake"
# The maximum number of merges in one run, so that a worker returns to its messages.
MAX_MERGES = 10


@shared_task(
    base=PointerTask,
    pointer=PointerForm.NO_ARGUMENTS,
    message_group=DATA_LAKE_GROUP,
    deduplicate_for=2,
)
def send_data_lake_event() -> None:
    """Send the events of the outbox to the data lake.

    If the lake is unavailable, the outbox keeps its events and the task ends without an error. It
    also keeps those from before the lake was turned off.
    """
    close_old_connections()
    if not datalake.is_off():
        _drain()
    outbox.prune(now=now())


@shared_task(base=PointerTask, pointer=PointerForm.NO_ARGUMENTS, message_group="data-lake-files")
def compact_data_lake() -> None:
    """Merge the files of past days in the data lake.

    One run makes a limited number of merges, and queues another run for the rest. If the lake is
    unavailable, the task ends without an error, and beat starts it again in an hour.
    """
    if datalake.is_off():
        return
    try:
        merges = list(islice(_lake().compact(now=now()), MAX_MERGES))
    except Unavailable as error:
        logger.warning("data_lake_unavailable", extra={"error": str(error)})
        return
    if merges:
        logger.info("data_lake_compacted", extra={"files": sum(merges)})
    if len(merges) == MAX_MERGES:
        compact_data_lake.apply_async(deduplication_id=str(uuid4()))


def _drain() -> None:
    try:
        handled = outbox.drain(lake=_lake(), now=now(), on_delivery=counters.count_lake_events)
    except Unavailable as error:
        logger.warning("data_lake_unavailable", extra={"error": str(error)})
    else:
        logger.info("data_lake_events_sent", extra={"events": handled})


@cache
def _lake() -> DataLake:
    return data_lake(settings.DATALAKE_URL)
