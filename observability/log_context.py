"""Ids on log lines that are not passed to them.

Lines that are logged while an event is handled carry its ids without being told them. Nobody works
the ids out unless a line is logged: what is bound for each event is a function. The settings load
this module for the configuration of logging, so it must not need Django's models.
"""

from collections.abc import Callable, Mapping
from contextvars import Token
from functools import partial
from typing import Any

from structlog.contextvars import bind_contextvars, get_contextvars, reset_contextvars

IDS = (
    "correlation_id",
    "conversation_uuid",
    "project_uuid",
    "group",
    "message_id",
    "trace_id",
    "task_id",
    "step",
    "attempt",
)
# What the pool process tells the worker's main process of a run that failed.
_OF_THE_RUN = ("conversation_uuid", "trace_id", "task_id", "step", "attempt")
# The names under which structlog keeps what is bound.
OF_EVENT, OF_RUN = "ids_of_event", "ids_of_run"


class Bound:
    """Lines that are logged meanwhile, and error reports, carry what `labels` gives when asked.

    `level` keeps what is bound for a run of a task apart from what is bound for an event in it.
    """

    __slots__ = ("_bound", "_tokens")

    def __init__(self, level: str, labels: Callable[[], Mapping[str, Any]]) -> None:
        self._bound = {level: labels}
        self._tokens: Mapping[str, Token[Any]] = {}

    def __enter__(self) -> None:
        self._tokens = bind_contextvars(**self._bound)

    def __exit__(self, *_error: object) -> None:
        reset_contextvars(**self._tokens)


def step(request: Any, *, name: str, labels: Mapping[str, Any] | None = None) -> Bound:
    """Names this run of a task, within another one if it runs in the same delivery."""
    outer = get_contextvars().get(OF_RUN) if labels else None
    return Bound(OF_RUN, partial(_labels_of_run, request, name, labels or {}, outer))


def bound_labels() -> dict[str, Any]:
    """What is bound at this moment."""
    return _worked_out(get_contextvars())


def labels_of_the_run() -> dict[str, Any]:
    """What the worker's main process cannot know of the run at this moment."""
    bound = bound_labels()
    return {name: bound[name] for name in _OF_THE_RUN if name in bound}


def add_labels(_logger: Any, _method: str, line: dict[str, Any]) -> dict[str, Any]:
    """A processor of structlog, behind `merge_contextvars`: adds the ids to a line."""
    return _worked_out(line)


def _worked_out(line: Mapping[str, Any]) -> dict[str, Any]:
    """What the run or the line itself says of an id counts more than what the event says."""
    told = dict(line)
    of_event, of_run = told.pop(OF_EVENT, dict), told.pop(OF_RUN, dict)
    return {**of_event(), **of_run(), **told}


def _labels_of_run(
    request: Any,
    name: str,
    labels: Mapping[str, Any],
    outer: Callable[[], Mapping[str, Any]] | None,
) -> dict[str, Any]:
    run = {"task_id": request.id, "step": name, "attempt": (request.retries or 0) + 1}
    return {**(outer() if outer else {}), **labels, **run}
