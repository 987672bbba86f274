"""Fields that are added to all log lines within a context.

While an event is handled, each log line gets the event's ids, so the code that logs need not pass
them. The context holds functions that return the fields, which are called only if a line is logged.
The settings import this module, so it must not need Django's models.
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
# The fields of a failed run that the pool process sends to the worker's main process.
_SENT_TO_MAIN_PROCESS = ("conversation_uuid", "trace_id", "task_id", "step", "attempt")
# The names of the two bound functions in structlog's context.
EVENT_FIELDS, RUN_FIELDS = "ids_of_event", "ids_of_run"


class BoundFields:
    """A context manager that adds fields to the log lines and error reports within it.

    `fields` is called for each line and returns them. `scope` is EVENT_FIELDS or RUN_FIELDS. A run
    and an event within that run can be bound at the same time.
    """

    __slots__ = ("_bound", "_tokens")

    def __init__(self, scope: str, fields: Callable[[], Mapping[str, Any]]) -> None:
        self._bound = {scope: fields}
        self._tokens: Mapping[str, Token[Any]] = {}

    def __enter__(self) -> None:
        self._tokens = bind_contextvars(**self._bound)

    def __exit__(self, *_error: object) -> None:
        reset_contextvars(**self._tokens)


def bind_run(request: Any, *, name: str, fields: Mapping[str, Any] | None = None) -> BoundFields:
    """Return a context manager that adds the ids of this run of a task to log lines.

    If the task runs within another task, the lines also have the fields of the outer run.
    """
    outer = get_contextvars().get(RUN_FIELDS) if fields else None
    return BoundFields(RUN_FIELDS, partial(_fields_of_run, request, name, fields or {}, outer))


def bound_fields() -> dict[str, Any]:
    """Return the fields that are bound now."""
    return _resolve(get_contextvars())


def run_fields() -> dict[str, Any]:
    """Return the bound fields that the worker's main process does not have."""
    bound = bound_fields()
    return {name: bound[name] for name in _SENT_TO_MAIN_PROCESS if name in bound}


def add_bound_fields(_logger: Any, _method: str, line: dict[str, Any]) -> dict[str, Any]:
    """Add the bound fields to a line. This is a structlog processor after `merge_contextvars`."""
    return _resolve(line)


def _resolve(line: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the bound functions of a line by their fields.

    Fields of the line override fields of the run, which override fields of the event.
    """
    fields = dict(line)
    of_event, of_run = fields.pop(EVENT_FIELDS, dict), fields.pop(RUN_FIELDS, dict)
    return {**of_event(), **of_run(), **fields}


def _fields_of_run(
    request: Any,
    name: str,
    fields: Mapping[str, Any],
    outer: Callable[[], Mapping[str, Any]] | None,
) -> dict[str, Any]:
    run = {"task_id": request.id, "step": name, "attempt": (request.retries or 0) + 1}
    return {**(outer() if outer else {}), **fields, **run}
