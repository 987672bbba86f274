"""A replacement for a worker's calls to SQS, for tests with random orders of events."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from celery_sqs_fifo.consuming.sqs_calls import Answer, WhenDone
from tests.simulation.sqs import ModelSqs

if TYPE_CHECKING:
    from tests.simulation.workers import Worker


class ModelCalls:
    """A replacement for `celery_sqs_fifo.consuming.sqs_calls.Calls` for one worker.

    `call_in_loop` runs a function in the worker's event loop, if the loop is running. `watcher` is
    informed of each call before it is sent, of messages before the worker handles them, and of each
    answer after the worker has handled it. The answer of a failed call is empty.
    """

    def __init__(
        self,
        *,
        sqs: ModelSqs,
        watcher: "Worker",
        call_in_loop: Callable[[Callable[[], None]], None],
    ) -> None:
        self._sqs = sqs
        self._watcher = watcher
        self._call_in_loop = call_in_loop
        self.wait = False
        self.counts: Counter[str] = Counter()
        self.failing: dict[str, str] = {}
        self.credentials_expire_at = None
        self.open = 0

    def close(self) -> None:
        """Do nothing: there is no connection to close."""

    def __call__(
        self, action: str, *, queue_url: str, when_done: WhenDone, **parameters: Any
    ) -> None:
        """Make a call. Its answer is dropped if the worker has ended by then."""
        self.counts[action] += 1
        self._watcher.on_call(action, parameters)
        self.open += 1

        def handle_answer(answer: Answer, error: str | None) -> None:
            self.open -= 1
            self._watcher.on_received(answer.get("Messages", ()))
            when_done(answer, error)
            self._watcher.on_answer(action, parameters, answer)

        def handle_in_loop(answer: Answer, error: str | None) -> None:
            self._call_in_loop(partial(handle_answer, answer, error))

        # A blocking call receives its answer outside the event loop.
        answer = handle_answer if self.wait else handle_in_loop
        self._sqs.request(action, queue_url, parameters, answer=answer, at_once=self.wait)
