"""How this service's errors become outcomes of events, and what names a run in logs."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import sentry_sdk
from django.db import connection

from apps.common.errors import InvalidEvent, Unavailable, database_may_be_unavailable
from celery_sqs_fifo import (
    BatchItem,
    EventsFailed,
    EventTask,
    FifoTask,
    Outcome,
    Result,
    bug_outcome,
)
from observability import labels, log_context
from observability.metrics import counters
from observability.otlp import Tracing

logger = logging.getLogger(__name__)


def outcome_of(error: Exception) -> Outcome:
    """Invalid events are quarantined, unavailable dependencies waited for; the rest are bugs.

    A bug is logged, and reported.
    """
    outcome = _classified(error)
    if outcome.result is Result.BUG:
        logger.error("task_failed", extra={"error": outcome.error})
        sentry_sdk.capture_exception(error)
    return outcome


def outcome_of_all(error: Exception) -> Outcome:
    """As `outcome_of`, of an error that several events met together.

    A bug is not reported: each of them is tried alone next, and the one at fault says more.
    """
    outcome = _classified(error)
    if outcome.result is Result.BUG:
        logger.warning("batch_failed", extra={"error": outcome.error})
    return outcome


def with_ids(handle: Callable[[BatchItem], None]) -> Callable[[BatchItem], None]:
    """`handle`, with its event's ids on each line that it logs, and on reports of its errors."""

    def run(item: BatchItem) -> None:
        with labels.event(item):
            try:
                handle(item)
            except EventsFailed:
                raise
            except Exception as error:
                raise EventsFailed([outcome_of(error)]) from None

    return run


def _classified(error: Exception) -> Outcome:
    try:
        with database_may_be_unavailable():
            raise error
    except InvalidEvent as invalid:
        outcome = Outcome(Result.INVALID, invalid.reason, invalid.message)
    except Unavailable as unavailable:
        outcome = Outcome(Result.UNAVAILABLE, "unavailable", str(unavailable))
    except Exception as unexpected:
        outcome = bug_outcome(unexpected)
    return replace(outcome, labels=log_context.labels_of_the_run())


def _renew_session(*, retries: int | None) -> None:
    """Close the connection before a rerun.

    What failed may be the session: of a server that is read-only since a failover, or of a pooler.
    Such a connection answers, so Django would keep it.
    """
    if retries:
        connection.close()


class _Outcomes:
    def outcome_of(self, error: Exception) -> Outcome:
        """See `tasks.base.outcome_of`."""
        return outcome_of(error)


class StepTask(_Outcomes, EventTask):
    """A step of the chain that events run through."""

    abstract = True

    def __call__(self, items: list[Any]) -> list[BatchItem]:
        """Run with the ids of this run on each line."""
        with log_context.step(self.request, name=self.name):
            return super().__call__(items)

    def delivery_begun(self, batch: list[BatchItem]) -> None:
        """Begin a session for a rerun, and follow the events from here on."""
        _renew_session(retries=self.request.retries)
        if Tracing.tracer:
            Tracing.tracer.delivery_begun(batch, attempt=(self.request.retries or 0) + 1)

    def step_ended(self, batch: list[BatchItem], *, seconds: float) -> None:
        """Count it."""
        counters.step_ended(self.name, seconds=seconds)
        if Tracing.tracer:
            Tracing.tracer.step_ended(batch, step=self.name, seconds=seconds)

    def delivery_ended(self, batch: list[BatchItem]) -> None:
        """Log the events whose way ends here, and count what became of each."""
        labels.log_ends(batch)
        counters.delivery_ended(batch)
        if Tracing.tracer:
            Tracing.tracer.delivery_ended(batch)


class PointerTask(_Outcomes, FifoTask):
    """A task that a pointer on the queue starts."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run with the ids of the pointer, and of this run, on each line."""
        _renew_session(retries=self.request.retries)
        named = self.request.get("labels") or labels.pointer_labels(self.name, args)
        with log_context.step(self.request, name=self.name, labels=named):
            return super().__call__(*args, **kwargs)
