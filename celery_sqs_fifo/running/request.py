"""The task request of a FIFO queue, in the worker's main process."""

import json
from typing import Any

from billiard.einfo import ExceptionWithTraceback
from celery.worker.request import Request

from celery_sqs_fifo.control.announcing import summarize_outcomes
from celery_sqs_fifo.delivery import Outcome, Result
from celery_sqs_fifo.running.batch import EventsFailed

REVOKED = Outcome(Result.INVALID, "revoked", "an operator revoked the task")


class FifoRequest(Request):
    """A request that passes the outcomes of its events to the channel, which settles them.

    A lost process or a time limit ends a task without outcomes. The channel then receives a plain
    reject, which counts as a bug.
    """

    def on_failure(
        self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False
    ) -> Any:
        """Pass the outcomes to the channel. The pool calls this when a task fails.

        Celery then rejects the message, and the reject settles its events.
        """
        error = exc_info.exception
        if isinstance(error, ExceptionWithTraceback):
            error = error.exc
        outcomes = error.outcomes if isinstance(error, EventsFailed) else None
        if outcomes is not None:
            self.message.channel.note_outcomes(self.message.delivery_tag, outcomes)
        answer = super().on_failure(exc_info, send_failed_event=False, return_ok=return_ok)
        if send_failed_event and not self._already_revoked:
            self._announce_failure(error, outcomes)
        return answer

    def send_event(self, type: str, **fields: Any) -> None:
        """Send a task event that contains only ids, names and numbers.

        The exception's text is left out, because it could quote an event. If the main process ends
        the task (a revoke, a time limit, a lost process), the later steps of its chain fail too.
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
        """Return the request as operators see it, always with the safe form of its arguments."""
        return dict(super().info(safe=True))

    def _announce_failure(self, error: BaseException, outcomes: list[Outcome] | None) -> None:
        """Send the task-failed event, which Celery does not send for a rejected task.

        Without it operators would see a task that never ends.
        """
        if outcomes is None:
            self.send_event("task-failed", exception=type(error).__name__)
        elif not self.task.announces_its_end:
            super().send_event("task-failed", exception=summarize_outcomes(outcomes), traceback="")

    def _later_steps(self) -> list[tuple[str, str]]:
        """Return the names and ids of the steps after the first, which run in the same delivery."""
        _args, _kwargs, embedded = json.loads(self.body)
        return [(step["task"], step["options"]["task_id"]) for step in embedded.get("chain") or ()]

    def _announce_revoked(self, reason: str, terminated: bool, signum: Any, expired: bool) -> None:
        """Quarantine the events of a revoked task. Celery would acknowledge and so lose them."""
        self.message.channel.note_outcomes(self.message.delivery_tag, REVOKED)
        self.reject(requeue=False)
        super()._announce_revoked(reason, terminated, signum, expired)
