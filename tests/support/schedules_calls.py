"""One worker's calls in a random schedule, and what it learns from their answers."""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol

from celery_sqs_fifo.consuming.sqs_calls import Answer, WhenDone
from tests.support.schedules_sqs import ModelSqs


class Watcher(Protocol):
    """Sees what a worker asks of SQS, what it receives, and each answer that it has dealt with."""

    def on_asked(self, action: str, parameters: dict[str, Any]) -> None:
        """The worker makes this call."""

    def on_received(self, messages: Iterable[dict[str, Any]]) -> None:
        """The worker is about to have these messages."""

    def on_answered(self, action: str, parameters: dict[str, Any], answer: Answer) -> None:
        """The worker has dealt with the answer; that of a call that failed is empty."""


class ModelCalls:
    """Takes the place of `celery_sqs_fifo.consuming.sqs_calls.Calls` in one worker.

    `at_its_turn` calls what the worker's loop is to call, if that turns.
    """

    def __init__(
        self, *, sqs: ModelSqs, watcher: Watcher, at_its_turn: Callable[[Callable[[], None]], None]
    ) -> None:
        self._sqs = sqs
        self._watcher = watcher
        self._at_its_turn = at_its_turn
        self.wait = False
        self.counts: Counter[str] = Counter()
        self.open = 0

    def __call__(
        self, action: str, *, queue_url: str, when_done: WhenDone, **parameters: Any
    ) -> None:
        """Make one call; its answer reaches nobody if the worker has gone by then."""
        self.counts[action] += 1
        self._watcher.on_asked(action, parameters)
        self.open += 1

        def take(answer: Answer, error: str | None) -> None:
            self.open -= 1
            self._watcher.on_received(answer.get("Messages", ()))
            when_done(answer, error)
            self._watcher.on_answered(action, parameters, answer)

        def come(answer: Answer, error: str | None) -> None:
            self._at_its_turn(partial(take, answer, error))

        # Who waits for an answer has it without a turn of the loop.
        answer = take if self.wait else come
        self._sqs.request(action, queue_url, parameters, answer=answer, at_once=self.wait)
