"""How this service's errors become outcomes of events."""

import logging

import sentry_sdk
from celery import current_task

from apps.errors import InvalidEvent, Unavailable, database_may_be_unavailable
from tasks.sqs_fifo.chain import EventTask, FifoTask, bug
from tasks.sqs_fifo.delivery import Outcome, Result

logger = logging.getLogger(__name__)


def outcome_of(error: Exception) -> Outcome:
    """Invalid events are quarantined, unavailable dependencies waited for; the rest are bugs.

    A bug is reported when it is first met, and not for each run that meets it again.
    """
    try:
        with database_may_be_unavailable():
            raise error
    except InvalidEvent as invalid:
        return Outcome(Result.INVALID, invalid.reason, invalid.message)
    except Unavailable as unavailable:
        return Outcome(Result.UNAVAILABLE, "unavailable", str(unavailable))
    except Exception as unexpected:
        outcome = bug(unexpected)
        is_first_run = not (current_task and current_task.request.retries)
        if is_first_run:
            logger.error("a task failed", extra={"error": outcome.error})
            sentry_sdk.capture_exception(unexpected)
        return outcome


class _Outcomes:
    def outcome_of(self, error: Exception) -> Outcome:
        """See `tasks.base.outcome_of`."""
        return outcome_of(error)


class StepTask(_Outcomes, EventTask):
    """A step of the chain that events run through."""

    abstract = True


class PointerTask(_Outcomes, FifoTask):
    """A task that a pointer on the queue starts."""

    abstract = True
