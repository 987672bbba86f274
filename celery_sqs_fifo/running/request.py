"""A task request in the worker's main process, as a FIFO queue needs it."""

import json
from typing import Any

from billiard.einfo import ExceptionWithTraceback
from celery.worker.request import Request

from celery_sqs_fifo.control.announcing import names_of
from celery_sqs_fifo.delivery import Outcome, Result
from celery_sqs_fifo.running.batch import EventsFailed

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
        outcomes = error.outcomes if isinstance(error, EventsFailed) else None
        if outcomes is not None:
            self.message.channel.note_outcomes(self.message.delivery_tag, outcomes)
        answer = super().on_failure(exc_info, send_failed_event=False, return_ok=return_ok)
        if send_failed_event and not self._already_revoked:
            self._announce_failed(error, outcomes)
        return answer

    def send_event(self, type: str, **fields: Any) -> None:
        """Events tell ids, names and numbers; Celery's own of an error could quote an event.

        What Celery ends from here, a process that it lost or ends, ends the steps after this task.
        """
        if type == "task-succeeded" and self.task.announces_its_end:
            return
        if type == "task-failed":
            name, _, _text = str(fields["exception"]).partition("(")
            fields = {"exception": name, "traceback": ""}
        super().send_event(type, **fields)
        if type in ("task-failed", "task-revoked") and self._eventer and self._eventer.enabled:
            for name, task_id in self._later_steps():
                step = {"uuid": task_id, "name": name, "root_id": self.root_id}
                self._eventer.send(type, **step, **fields)

    def info(self, safe: bool = False) -> dict[str, Any]:
        """With arguments as they may be shown, whatever is asked for."""
        return dict(super().info(safe=True))

    def _announce_failed(self, error: BaseException, outcomes: list[Outcome] | None) -> None:
        """Celery tells nothing of a rejected task, and it would seem to run for ever."""
        if outcomes is None:
            self.send_event("task-failed", exception=type(error).__name__)
        elif not self.task.announces_its_end:
            super().send_event("task-failed", exception=names_of(outcomes), traceback="")

    def _later_steps(self) -> list[tuple[str, str]]:
        """Names and ids of the steps that would have run, or did, in this delivery."""
        _args, _kwargs, embedded = json.loads(self.body)
        return [(step["task"], step["options"]["task_id"]) for step in embedded.get("chain") or ()]

    def _announce_revoked(self, reason: str, terminated: bool, signum: Any, expired: bool) -> None:
        """A revoked event is quarantined; Celery would acknowledge it, and it would be gone."""
        self.message.channel.note_outcomes(self.message.delivery_tag, REVOKED)
        self.reject(requeue=False)
        super()._announce_revoked(reason, terminated, signum, expired)
