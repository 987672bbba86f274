"""What log lines and error reports say of an event: ids, and nothing of what people wrote.

Lines that are logged while an event is handled carry its ids without being told them. Nobody works
the ids out unless a line is logged: what is bound for each event is a function.
"""

import hmac
import json
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import Token
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from structlog.contextvars import bind_contextvars, get_contextvars, reset_contextvars

if TYPE_CHECKING:
    from celery_sqs_fifo.running.batch import Work

logger = logging.getLogger(__name__)

EVENT_TYPES = frozenset(
    {"message.received", "message.sent", "conversation.window", "conversation.close"}
)
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
# An address has a colon, an @ or a +, and no text goes without spaces for long.
_PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9.-]+")
# The names under which structlog keeps what is bound.
_EVENT, _RUN = "ids_of_event", "ids_of_run"
_ERASES = "tasks.erasing.erase_contact"


def hashed(text: str) -> str:
    """A short HMAC-SHA256 of what must not be logged, keyed with SECRET_KEY.

    Equal texts have equal hashes. Without the key nobody can try out all phone numbers.
    """
    return _keyed_hash(settings.SECRET_KEY, text)


@lru_cache(maxsize=10_000)
def _keyed_hash(key: str, text: str) -> str:
    message = b"log:" + text.encode(errors="surrogatepass")
    return hmac.digest(key.encode(), message, "sha256").hex()[:16]


def labels_of(
    *, group_id: str, event: Any = None, task: str = "", arguments: Sequence[str] = ()
) -> dict[str, str]:
    """What logs say of a message on the queue: of an event's JSON, or of a pointer's task.

    Nothing of a body is taken over but ids in the form of ids; others are told as their hash.
    """
    labels = {"group": hashed(group_id)}
    if task:
        return {**labels, **pointer_labels(task, arguments)}
    if not isinstance(event, dict):
        return {**labels, "event_type": "unknown"}
    event_type, correlation_id = event.get("event_type"), event.get("correlation_id")
    is_known = isinstance(event_type, str) and event_type in EVENT_TYPES
    labels["event_type"] = str(event_type) if is_known else "unknown"
    if isinstance(correlation_id, str) and correlation_id:
        labels["correlation_id"] = _plain(correlation_id)
    data = event.get("data")
    project = data.get("project_uuid") if isinstance(data, dict) else None
    if isinstance(project, str) and _UUID.fullmatch(project):
        labels["project_uuid"] = project
    return labels


def pointer_labels(task: str, arguments: Sequence[Any]) -> dict[str, str]:
    """What logs say of a pointer: its task, and what it names."""
    named = "erasure" if task == _ERASES else "conversation_uuid"
    return {"step": task} | ({named: str(arguments[0])} if arguments else {})


def labels_of_work(work: "Work") -> dict[str, str]:
    """What logs say of an event on its way through the steps."""
    queued, progress = work.event, work.state
    if progress is None:
        labels = labels_of(group_id=queued.group_id, event=_json(queued.body))
    else:
        event = progress.event
        labels = {
            "group": hashed(queued.group_id),
            "event_type": progress.event_type,
            "correlation_id": _plain(event.correlation_id),
            "project_uuid": str(event.contact.project_uuid),
        }
        if progress.about:
            labels["conversation_uuid"] = str(progress.about)
    labels["message_id"] = queued.message_id
    if work.trace:
        labels["trace_id"] = work.trace.trace_id
    return labels


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
    outer = get_contextvars().get(_RUN) if labels else None
    return Bound(_RUN, partial(_labels_of_run, request, name, labels or {}, outer))


def event(work: "Work") -> Bound:
    """Names this event, whatever step it is in."""
    return Bound(_EVENT, partial(labels_of_work, work))


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


def log_ends(works: Sequence["Work"]) -> None:
    """One line for each event that took effect. The main process logs the end of the others."""
    now = time.time() * 1000
    for work in works:
        if work.outcome is None:
            about = {
                **labels_of_work(work),
                "outcome": "done",
                "since_sent_ms": int(now) - work.event.sent_at,
                "receive_count": work.event.receive_count,
            }
            logger.info("event ended", extra=about)


def _worked_out(line: Mapping[str, Any]) -> dict[str, Any]:
    """What the run or the line itself says of an id counts more than what the event says."""
    told = dict(line)
    of_event, of_run = told.pop(_EVENT, dict), told.pop(_RUN, dict)
    return {**of_event(), **of_run(), **told}


def _labels_of_run(
    request: Any,
    name: str,
    labels: Mapping[str, Any],
    outer: Callable[[], Mapping[str, Any]] | None,
) -> dict[str, Any]:
    run = {"task_id": request.id, "step": name, "attempt": (request.retries or 0) + 1}
    return {**(outer() if outer else {}), **labels, **run}


def _plain(correlation_id: str) -> str:
    """An id as it is, or its hash where it may be an address or a text."""
    if _UUID.fullmatch(correlation_id):
        return correlation_id
    is_plain = _PLAIN_ID.fullmatch(correlation_id) and not _NUMBER.fullmatch(correlation_id)
    return correlation_id if is_plain else f"hash-{hashed(correlation_id)}"


def _json(body: str) -> Any:
    try:
        return json.loads(body, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None
