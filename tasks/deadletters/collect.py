"""The task that moves dead letters into PostgreSQL, where operators list and redrive them."""

import logging
from uuid import uuid4

from celery import shared_task
from django.db import close_old_connections

from apps.common.clock import now
from apps.common.errors import Unavailable
from apps.messages import dead_letters
from apps.messages.dead_letters import Saved
from celery_sqs_fifo import PointerForm
from observability.metrics import counters
from tasks.base import PointerTask
from tasks.deadletters.queue import delete, receive
from tasks.deadletters.redrive import BEHIND_A_REFUSED_ONE, redrive

logger = logging.getLogger(__name__)

MAX_BATCHES = 30
MAX_REDRIVEN = 300
# The seconds until a letter that was received and not deleted can be received again.
VISIBILITY_TIMEOUT = 60


@shared_task(
    name="tasks.deadletters.collect_dead_letters",
    base=PointerTask,
    pointer=PointerForm.NO_ARGUMENTS,
    message_group="dead-letters",
)
def collect_dead_letters() -> None:
    """Drain the dead-letter queue, and redrive the letters requested in the admin site.

    One run handles a limited number of letters and queues another run for the rest. If SQS is
    unavailable, the letters stay where they are and the task ends without an error. Beat starts it
    again a minute later.
    """
    close_old_connections()
    try:
        is_drained = _collect()
        is_redriven = _redrive_requested()
    except Unavailable as error:
        logger.warning("dead_letters_delayed", extra={"error": str(error)})
        return
    if not (is_drained and is_redriven):
        collect_dead_letters.apply_async(deduplication_id=str(uuid4()))


def collect_batch() -> Saved | None:
    """Collect up to ten dead letters, or return None if none is visible. Raise Unavailable.

    Letters are committed before they are deleted from the queue. After a crash between the two they
    are received again, and storing them again changes nothing.
    """
    messages = receive(visibility_timeout=VISIBILITY_TIMEOUT)
    if not messages:
        return None
    kept = dead_letters.keep(messages, now=now())
    counters.metrics().collected.inc(kept.new)
    undeleted = delete([message["ReceiptHandle"] for message in messages])
    logger.info(
        "dead_letters_collected",
        extra={
            "received": len(messages),
            "new": kept.new,
            "erased": len(kept.erased),
            "undeleted": len(undeleted),
        },
    )
    return kept


def _collect() -> bool:
    """Collect a limited number of dead letters. Return whether the queue is empty."""
    return any(collect_batch() is None for _ in range(MAX_BATCHES))


def _redrive_requested() -> bool:
    """Redrive requested letters. Return whether no requests are left. Raise Unavailable.

    The request for a letter that SQS refuses is withdrawn, and the reason is stored and logged.
    """
    planned = dead_letters.requested(limit=MAX_REDRIVEN)
    done = redrive(planned)
    for letter, why in done.refused.items():
        logger.warning("redrive_refused", extra={"dead_letter": letter, "why": why})
    dead_letters.withdraw_redrive_requests(
        done.refused | dict.fromkeys(done.not_tried, BEHIND_A_REFUSED_ONE)
    )
    return len(planned) < MAX_REDRIVEN
