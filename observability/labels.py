"""What log lines and error reports say of an event: ids, and nothing of what people wrote."""

import hmac
import json
import logging
import re
import time
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from django.conf import settings

from apps.messages.event_types import type_of
from observability.log_context import OF_EVENT, Bound

if TYPE_CHECKING:
    from celery_sqs_fifo import BatchItem

logger = logging.getLogger(__name__)

UNKNOWN_TYPE = "unknown"
# An address has a colon, an @ or a +, and no text goes without spaces for long.
_PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9.-]+")
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
        return {**labels, "event_type": UNKNOWN_TYPE}
    event_type, correlation_id = type_of(event), event.get("correlation_id")
    labels["event_type"] = event_type.name if event_type else UNKNOWN_TYPE
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


def labels_of_item(item: "BatchItem") -> dict[str, str]:
    """What logs say of an event on its way through the steps."""
    queued, progress = item.event, item.state
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
    if item.trace:
        labels["trace_id"] = item.trace.trace_id
    return labels


def event(item: "BatchItem") -> Bound:
    """Names this event, whatever step it is in."""
    return Bound(OF_EVENT, partial(labels_of_item, item))


def log_ends(batch: Sequence["BatchItem"]) -> None:
    """One line for each event that took effect. The main process logs the end of the others."""
    now = time.time() * 1000
    for item in batch:
        if item.outcome is None:
            about = {
                **labels_of_item(item),
                "outcome": "done",
                "since_sent_ms": int(now) - item.event.sent_at,
                "receive_count": item.event.receive_count,
            }
            logger.info("event_ended", extra=about)


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
