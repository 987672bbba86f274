"""Events of the tasks that a pool process runs within a delivery: the worker knows none of them."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from celery.events.event import Event
from celery.utils.time import utcoffset

from celery_sqs_fifo.delivery import Outcome

HIDDEN = "?"


def shown(arguments: Sequence[Any]) -> str:
    """Arguments as operators may see them: ids, and nothing that people wrote."""
    return f"({','.join(map(_shown, arguments))})"


def names_of(outcomes: Sequence[Outcome]) -> str:
    """How events ended, by the names of results and reasons: their texts may quote an event."""
    counts = Counter(_name_of(outcome) for outcome in outcomes)
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def announce_begun(task: Any, request: Mapping[str, Any], *, arguments: str) -> None:
    """A task begins that this process started itself."""
    fields = {"root_id": request["root_id"], "parent_id": request["parent_id"]}
    fields |= {"name": task.name, "args": arguments, "kwargs": "{}", "retries": request["retries"]}
    _announce(task, "task-received", request, fields)
    _announce(task, "task-started", request, {})


def announce_ended(
    task: Any, request: Mapping[str, Any], *, failed: Sequence[Outcome], seconds: float, result: str
) -> None:
    """A task has ended; `failed` are the outcomes of those events whose way ended in it."""
    # Its name again: another process tells of the first task's beginning, maybe later.
    fields: dict[str, Any] = {"name": task.name}
    if failed:
        fields |= {"exception": names_of(failed), "traceback": ""}
        _announce(task, "task-failed", request, fields)
    else:
        fields |= {"result": result, "runtime": seconds}
        _announce(task, "task-succeeded", request, fields)


def _announce(task: Any, kind: str, request: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    app = task.app
    if getattr(app, "announces_tasks", False) and request.get("id") and task.send_events:
        # Without a clock: this process's own is behind the worker's, the receiver sets one.
        common = {"uuid": request["id"], "hostname": request["hostname"], "pid": os.getpid()}
        app.publisher.put(Event(kind, utcoffset=utcoffset(), **common, **fields))


def _shown(argument: Any) -> str:
    if isinstance(argument, list):
        return ",".join(map(_shown, argument))
    if hasattr(argument, "event"):
        return str(argument.event.message_id)
    try:
        return str(UUID(argument))
    except (ValueError, TypeError, AttributeError):
        return HIDDEN


def _name_of(outcome: Outcome) -> str:
    if outcome.reason in ("", outcome.result):
        return str(outcome.result)
    return f"{outcome.result} ({outcome.reason})"
