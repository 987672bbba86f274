"""How this service's errors become outcomes of events, and what names a run in logs."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sentry_sdk

from apps.errors import InvalidEvent, Unavailable, database_may_be_unavailable
from tasks import event_log, metrics
from tasks.sqs_fifo.chain import EventTask, FifoTask
from tasks.sqs_fifo.delivery import Outcome, Result
from tasks.sqs_fifo.works import EventsFailed, Work, bug

if TYPE_CHECKING:
    from tasks.tracing import EventTracer

logger = logging.getLogger(__name__)


def outcome_of(error: Exception) -> Outcome:
    """Invalid events are quarantined, unavailable dependencies waited for; the rest are bugs.

    A bug is logged, and reported.
    """
    outcome = _classified(error)
    if outcome.result is Result.BUG:
        logger.error("a task failed", extra={"error": outcome.error})
        sentry_sdk.capture_exception(error)
    return outcome


def outcome_of_all(error: Exception) -> Outcome:
    """As `outcome_of`, of an error that several events met together.

    A bug is not reported: each of them is tried alone next, and the one at fault says more.
    """
    outcome = _classified(error)
    if outcome.result is Result.BUG:
        logger.warning("events failed together, one by one now", extra={"error": outcome.error})
    return outcome


def with_ids(handle: Callable[[Work], None]) -> Callable[[Work], None]:
    """`handle`, with its event's ids on each line that it logs, and on reports of its errors."""

    def run(work: Work) -> None:
        with event_log.event(work):
            try:
                handle(work)
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
        outcome = bug(unexpected)
    return replace(outcome, labels=event_log.labels_of_the_run())


class _Outcomes:
    def outcome_of(self, error: Exception) -> Outcome:
        """See `tasks.base.outcome_of`."""
        return outcome_of(error)


class StepTask(_Outcomes, EventTask):
    """A step of the chain that events run through.

    `tracer` follows the events, in a process where tracing is on (config.tracing).
    """

    abstract = True
    tracer: "EventTracer | None" = None

    def __call__(self, items: list[Any]) -> list[Work]:
        """Run with the ids of this run on each line."""
        with event_log.step(self.request, name=self.name):
            return super().__call__(items)

    def delivery_begun(self, works: list[Work]) -> None:
        """Follow the events from here on."""
        if self.tracer:
            self.tracer.delivery_begun(works, attempt=(self.request.retries or 0) + 1)

    def step_ended(self, works: list[Work], *, seconds: float) -> None:
        """Count it."""
        metrics.step_ended(self.name, seconds=seconds)
        if self.tracer:
            self.tracer.step_ended(works, step=self.name, seconds=seconds)

    def delivery_ended(self, works: list[Work]) -> None:
        """Log the events whose way ends here, and count what became of each."""
        event_log.log_ends(works)
        metrics.delivery_ended(works)
        if self.tracer:
            self.tracer.delivery_ended(works)


class PointerTask(_Outcomes, FifoTask):
    """A task that a pointer on the queue starts."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run with the ids of the pointer, and of this run, on each line."""
        labels = self.request.get("labels") or event_log.pointer_labels(self.name, args)
        with event_log.step(self.request, name=self.name, labels=labels):
            return super().__call__(*args, **kwargs)
