"""The fields that log lines, traces and error reports have about an event.

Fields are ids and kinds. They never contain a person's name, address or text.
"""

import hmac
import logging
import re
import time
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings

from apps.messages.event_types import type_of
from apps.messages.reading import describe_event
from celery_sqs_fifo.observing import observing
from observability.log_context import EVENT_FIELDS, BoundFields

if TYPE_CHECKING:
    from celery_sqs_fifo import BatchItem

logger = logging.getLogger(__name__)

UNKNOWN_TYPE = "unknown"
# Excludes addresses, which have a colon, an @ or a +, and longer texts, which have spaces.
_PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9._-]+")
# A phone number has 8 to 15 digits (ITU-T E.164 has up to 15), perhaps in groups.
_PHONE_NUMBER = re.compile(r"(?:[0-9][._-]?){8}")
# The digits of a hexadecimal id, as of a trace, are not a phone number.
_HEXADECIMAL = re.compile(r"(?<![A-Za-z0-9])(?=[0-9]*[a-f])[0-9a-f]{16,64}(?![A-Za-z0-9])")
_ERASES = "tasks.erasing.erase_contact"
# The cache of hashes keeps the texts, too. A message group has at most 128 characters, but a
# producer's correlation id can be as long as an event.
MAX_CACHED = 10_000
MAX_CACHED_LENGTH = 256


def hash_for_logs(text: str) -> str:
    """Return a short HMAC-SHA256, keyed with SECRET_KEY, of a text that must not be logged.

    Equal texts have equal hashes. Without the key, the hashes of all phone numbers cannot be
    computed and compared.
    """
    keyed_hash = _cached_hash if len(text) <= MAX_CACHED_LENGTH else _keyed_hash
    return keyed_hash(settings.SECRET_KEY, text)


@lru_cache(maxsize=MAX_CACHED)
def _cached_hash(key: str, text: str) -> str:
    return _keyed_hash(key, text)


def _keyed_hash(key: str, text: str) -> str:
    message = b"log:" + text.encode(errors="surrogatepass")
    return hmac.digest(key.encode(), message, "sha256").hex()[:16]


def message_fields(
    *, group_id: str, event: Any = None, task: str = "", arguments: Sequence[str] = ()
) -> dict[str, str]:
    """Return the fields of a message on the queue: an event's JSON, or a pointer's task.

    Only ids are taken from a body. An id that does not look like one is replaced by its hash.
    """
    fields = {"group": hash_for_logs(group_id)}
    if task:
        return {**fields, **_project_of_group(group_id), **pointer_fields(task, arguments)}
    if not isinstance(event, dict):
        return {**fields, "event_type": UNKNOWN_TYPE}
    event_type, correlation_id = type_of(event), event.get("correlation_id")
    fields["event_type"] = event_type.name if event_type else UNKNOWN_TYPE
    if isinstance(correlation_id, str) and correlation_id:
        fields["correlation_id"] = _id_or_hash(correlation_id)
    data = event.get("data")
    project = data.get("project_uuid") if isinstance(data, dict) else None
    return fields | _project(project)


def pointer_fields(task: str, arguments: Sequence[Any]) -> dict[str, str]:
    """Return the fields of a pointer: its task, and the conversation or erasure that it names."""
    named = "erasure" if task == _ERASES else "conversation_uuid"
    return {"step": task} | ({named: str(arguments[0])} if arguments else {})


def event_fields(item: "BatchItem") -> dict[str, str]:
    """Return the fields of an event that runs through the steps."""
    queued, progress = item.event, item.state
    if progress is None:
        described = describe_event(queued.body, queued.attributes)
        fields = message_fields(group_id=queued.group_id, event=described)
    else:
        event = progress.event
        fields = {
            "group": hash_for_logs(queued.group_id),
            "event_type": progress.event_type,
            "correlation_id": _id_or_hash(event.correlation_id),
            "project_uuid": str(event.contact.project_uuid),
        }
        if progress.subject_uuid:
            fields["conversation_uuid"] = str(progress.subject_uuid)
    fields["message_id"] = queued.message_id
    if item.trace:
        fields["trace_id"] = item.trace.trace_id
    return fields


def bind_event(item: "BatchItem") -> BoundFields:
    """Return a context manager that adds the event's fields to log lines and error reports."""
    return BoundFields(EVENT_FIELDS, partial(event_fields, item))


def log_ended_events(batch: Sequence["BatchItem"]) -> None:
    """Log a line for each event that took effect. The main process logs the end of the others."""
    now = time.time() * 1000
    for item in batch:
        if item.outcome is None:
            with observing("logs"):
                fields = {
                    **event_fields(item),
                    "outcome": "done",
                    "since_sent_ms": int(now) - item.event.place.queue_time,
                    "receive_count": item.event.receive_count,
                }
                logger.info("event_ended", extra=fields)


def _project_of_group(group_id: str) -> dict[str, str]:
    """Return the project in a contact's message group, or nothing for another group."""
    project, colon, _ = group_id.partition(":")
    return _project(project) if colon else {}


def _project(text: Any) -> dict[str, str]:
    """Return the project with this UUID, in the one form that names it, or nothing."""
    try:
        return {"project_uuid": str(UUID(text.strip()))} if isinstance(text, str) else {}
    except ValueError:
        return {}


def _id_or_hash(correlation_id: str) -> str:
    """Return the id, or its hash if it is or contains a possible address, number or text."""
    if _UUID.fullmatch(correlation_id):
        return correlation_id
    is_plain = _PLAIN_ID.fullmatch(correlation_id) and not _NUMBER.fullmatch(correlation_id)
    if is_plain and not _PHONE_NUMBER.search(_HEXADECIMAL.sub("", correlation_id)):
        return correlation_id
    return f"hash-{hash_for_logs(correlation_id)}"
