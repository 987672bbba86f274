"""A task request in the worker's main process, as a FIFO queue needs it."""

from typing import Any

from billiard.einfo import ExceptionWithTraceback
from celery.worker.request import Request

from tasks.sqs_fifo.chain import EventsFailed
from tasks.sqs_fifo.delivery import Outcome, Result

REVOKED = Outcome(Result.INVALID, "revoked", "an operator revoked the task")


class FifoRequest(Request):
    """Hands the outcomes of a delivery's events to the channel that settles them.

    Everything else that ends a task without success (a lost process, a time limit) reaches the
    channel as a plain reject, which it takes for a bug.
    """

    def on_failure(
        self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False
    ) -> Any:
        """Called by the pool; Celery then rejects the message, which settles the delivery."""
        error = exc_info.exception
        if isinstance(error, ExceptionWithTraceback):
            error = error.exc
        if isinstance(error, EventsFailed):
            self.message.channel.note_outcomes(self.message.delivery_tag, error.outcomes)
        return super().on_failure(exc_info, send_failed_event, return_ok)

    def _announce_revoked(self, reason: str, terminated: bool, signum: Any, expired: bool) -> None:
        """A revoked event is quarantined; Celery would acknowledge it, and it would be gone."""
        self.message.channel.note_outcomes(self.message.delivery_tag, REVOKED)
        self.reject(requeue=False)
        super()._announce_revoked(reason, terminated, signum, expired)
