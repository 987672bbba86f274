"""Task events that a pool process sends for the tasks within a delivery.

The worker's main process does not know these tasks, so Celery sends no events for them.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from celery.events.event import Event
from celery.utils.time import utcoffset

from celery_sqs_fifo.delivery import Outcome

HIDDEN = "?"


def redact(arguments: Sequence[Any]) -> str:
    """Return a task's arguments for operators: message ids and UUIDs, and "?" for all else."""
    return f"({','.join(map(_redact, arguments))})"


def summarize_outcomes(outcomes: Sequence[Outcome]) -> str:
    """Return how many events had each result and reason, such as "1 invalid (malformed)".

    The outcomes' error texts are left out, because they may quote an event.
    """
    counts = Counter(_name_of(outcome) for outcome in outcomes)
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def announce_start(task: Any, request: Mapping[str, Any], *, arguments: str) -> None:
    """Send the events for the receipt and the start of a task within the delivery."""
    fields = {"root_id": request["root_id"], "parent_id": request["parent_id"]}
    fields |= {"name": task.name, "args": arguments, "kwargs": "{}", "retries": request["retries"]}
    _announce(task, "task-received", request, fields)
    _announce(task, "task-started", request, {})


def announce_end(
    task: Any, request: Mapping[str, Any], *, failed: Sequence[Outcome], seconds: float, result: str
) -> None:
    """Send the event for the failure or the success of a task.

    `failed` has the outcomes of the events that ended in this task. `seconds` is its runtime.
    """
    # The name is included because the main process sends the start of the first task, perhaps
    # later.
    fields: dict[str, Any] = {"name": task.name}
    if failed:
        fields |= {"exception": summarize_outcomes(failed), "traceback": ""}
        _announce(task, "task-failed", request, fields)
    else:
        fields |= {"result": result, "runtime": seconds}
        _announce(task, "task-succeeded", request, fields)


def _announce(task: Any, kind: str, request: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    app = task.app
    if getattr(app, "announces_tasks", False) and request.get("id") and task.send_events:
        # Without a logical clock: this process's clock is behind that of the main process, and the
        # receiver sets one.
        common = {"uuid": request["id"], "hostname": request["hostname"], "pid": os.getpid()}
        app.publisher.put(Event(kind, utcoffset=utcoffset(), **common, **fields))


def _redact(argument: Any) -> str:
    if isinstance(argument, list):
        return ",".join(map(_redact, argument))
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
