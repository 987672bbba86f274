"""The base classes of tasks, and the outcomes that errors have for events."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import sentry_sdk
from django.db import connection

from apps.common.errors import (
    Contended,
    InvalidEvent,
    TimeLimitHit,
    Unavailable,
    database_may_be_unavailable,
)
from celery_sqs_fifo import (
    BatchItem,
    EventsFailed,
    EventTask,
    FifoTask,
    Outcome,
    Result,
    bug_outcome,
)
from celery_sqs_fifo.observing import observing
from observability import log_context, log_fields
from observability.metrics import counters
from observability.otlp import ProcessTracing

logger = logging.getLogger(__name__)


def outcome_of(error: Exception) -> Outcome:
    """Return the outcome that an error has for an event. Log a bug, and report it to Sentry.

    An invalid event is quarantined. An event waits for an unavailable dependency. Any other error
    is a bug.
    """
    outcome = _classify(error)
    if outcome.result is Result.BUG:
        logger.error("task_failed", extra={"error": outcome.error})
        with observing("error reports"):
            sentry_sdk.capture_exception(error)
    return outcome


def outcome_of_all(error: Exception) -> Outcome:
    """Return the outcome that an error has for the events of a batch, without reporting a bug.

    Each event is run alone afterwards, and the report about the event that fails is more precise.
    """
    outcome = _classify(error)
    if outcome.result is Result.BUG:
        logger.warning("batch_failed", extra={"error": outcome.error})
    return outcome


def with_log_fields(handle: Callable[[BatchItem], None]) -> Callable[[BatchItem], None]:
    """Wrap `handle`, so that its log lines and error reports have the event's ids.

    The returned function raises EventsFailed with the outcome of an error.
    """

    def run(item: BatchItem) -> None:
        with log_fields.bind_event(item):
            try:
                handle(item)
            except EventsFailed:
                raise
            except Exception as error:
                raise EventsFailed([outcome_of(error)]) from None

    return run


def _classify(error: Exception) -> Outcome:
    try:
        with database_may_be_unavailable():
            raise error
    except InvalidEvent as invalid:
        outcome = Outcome(Result.INVALID, invalid.reason, invalid.message)
    except TimeLimitHit as hit:
        outcome = Outcome(Result.UNAVAILABLE, "time_limit", str(hit), may_be_own=True)
    except Unavailable as unavailable:
        is_local = isinstance(unavailable, Contended)
        outcome = Outcome(Result.UNAVAILABLE, "unavailable", str(unavailable), is_local=is_local)
    except Exception as unexpected:
        outcome = bug_outcome(unexpected)
    return replace(outcome, labels=log_context.run_fields())


def _reconnect_for_rerun(*, retries: int | None) -> None:
    """Close the database connection before a rerun, so that it begins with a new session.

    The session itself may be the cause of the failure, for example after a failover to a read-only
    server or behind a pooler. Django keeps such a connection because it still responds.
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
        """Run the step with the ids of this run on each log line."""
        with log_context.bind_run(self.request, name=self.name):
            return super().__call__(items)

    def delivery_begun(self, batch: list[BatchItem]) -> None:
        """Reconnect to PostgreSQL for a rerun, and begin the traces of the events."""
        _reconnect_for_rerun(retries=self.request.retries)
        with observing("traces"):
            if ProcessTracing.tracer:
                ProcessTracing.tracer.delivery_begun(batch, attempt=(self.request.retries or 0) + 1)

    def step_ended(self, batch: list[BatchItem], *, seconds: float) -> None:
        """Record how long the step took, and add its span to the traces."""
        with observing("metrics"):
            counters.observe_step(self.name, seconds=seconds)
        with observing("traces"):
            if ProcessTracing.tracer:
                ProcessTracing.tracer.step_ended(batch, step=self.name, seconds=seconds)

    def delivery_ended(self, batch: list[BatchItem]) -> None:
        """Log the events that took effect, count all outcomes, and end the traces."""
        with observing("logs"):
            log_fields.log_ended_events(batch)
        with observing("metrics"):
            counters.count_delivery(batch)
        with observing("traces"):
            if ProcessTracing.tracer:
                ProcessTracing.tracer.delivery_ended(batch)


class PointerTask(_Outcomes, FifoTask):
    """A task that a pointer on the queue starts."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task with the ids of the pointer and of this run on each log line."""
        _reconnect_for_rerun(retries=self.request.retries)
        fields = self.request.get("labels") or log_fields.pointer_fields(self.name, args)
        with log_context.bind_run(self.request, name=self.name, fields=fields):
            return super().__call__(*args, **kwargs)
