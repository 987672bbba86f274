"""The calls of one worker in a random schedule, and their answers."""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol

from celery_sqs_fifo.consuming.sqs_calls import Answer, WhenDone
from tests.support.schedules_sqs import ModelSqs


class Watcher(Protocol):
    """Observes the calls of a worker, the messages that it receives, and the answers."""

    def on_call(self, action: str, parameters: dict[str, Any]) -> None:
        """Note a call before it is sent."""

    def on_received(self, messages: Iterable[dict[str, Any]]) -> None:
        """Note messages before the worker handles them."""

    def on_answer(self, action: str, parameters: dict[str, Any], answer: Answer) -> None:
        """Note an answer after the worker has handled it. The answer of a failed call is empty."""


class ModelCalls:
    """A replacement of `celery_sqs_fifo.consuming.sqs_calls.Calls` for one worker.

    `call_in_loop` runs a function in the worker's event loop, if the loop is running.
    """

    def __init__(
        self, *, sqs: ModelSqs, watcher: Watcher, call_in_loop: Callable[[Callable[[], None]], None]
    ) -> None:
        self._sqs = sqs
        self._watcher = watcher
        self._call_in_loop = call_in_loop
        self.wait = False
        self.counts: Counter[str] = Counter()
        self.open = 0

    def close(self) -> None:
        """Do nothing: no call is open."""

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
