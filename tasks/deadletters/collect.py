"""Moving dead letters from their queue into PostgreSQL, where operators see and steer them."""

import logging
from uuid import uuid4

from celery import shared_task
from django.db import close_old_connections

from apps.common.clock import now
from apps.common.errors import Unavailable
from apps.messages import dead_letters
from celery_sqs_fifo import PointerForm
from observability.metrics import counters
from tasks.base import PointerTask
from tasks.deadletters.queue import delete, receive
from tasks.deadletters.redrive import redrive

logger = logging.getLogger(__name__)

MAX_BATCHES = 30
MAX_REDRIVEN = 300
# Seconds until what was received and not deleted can be received again.
VISIBILITY_TIMEOUT = 60


@shared_task(
    name="tasks.deadletters.collect_dead_letters",
    base=PointerTask,
    pointer=PointerForm.NO_ARGUMENTS,
    message_group="dead-letters",
)
def collect_dead_letters() -> None:
    """Drain the dead-letter queue, and redrive what somebody asked for in the admin site.

    So many at a time, then the next tick goes on. While SQS refuses, the letters stay where they
    are and this just ends: the next tick tries again, and no worker waits for it.
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


def _collect() -> bool:
    """Whether the queue has no more. Raises Unavailable.

    What is received is committed before it is deleted. Cut off in between, it is received again
    and changes nothing.
    """
    for _ in range(MAX_BATCHES):
        messages = receive(visibility_timeout=VISIBILITY_TIMEOUT)
        if not messages:
            return True
        kept = dead_letters.keep(messages, now=now())
        counters.metrics().collected.inc(kept.new)
        undeleted = delete([message["ReceiptHandle"] for message in messages])
        logger.info(
            "dead_letters_collected",
            extra={"received": len(messages), **kept._asdict(), "undeleted": len(undeleted)},
        )
    return False


def _redrive_requested() -> bool:
    """Whether there are no more of them. Raises Unavailable.

    What SQS refuses is not wanted any more, and the log says why.
    """
    planned = dead_letters.requested(limit=MAX_REDRIVEN)
    done = redrive(planned)
    for letter, why in done.refused.items():
        logger.warning("redrive_refused", extra={"dead_letter": letter, "why": why})
    dead_letters.withdraw_redrive_requests([*done.refused, *done.behind])
    return len(planned) < MAX_REDRIVEN
