"""Reading an event from a queue message, in all processes of a worker."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.conf import settings
from pydantic import ValidationError

from apps.common.errors import InvalidEvent
from apps.common.lossless_json import NotJson, decode, storable
from apps.messages import adapters
from apps.messages.adapters import QueueMessage
from apps.messages.event_types import type_of
from apps.messages.events import AnyEvent
from apps.messages.fields import is_blank
from celery_sqs_fifo.place import Place

TYPE = "event_type"
NO_ATTRIBUTES: Mapping[str, str] = {}
_NOT_A_UUID = "it is not a UUID; write it like 5f0c2f3a-6b1d-4a57-9c39-0e6a1d2b7c41"
_NOT_A_BOOLEAN = "it is neither true nor false"
# Pydantic's own messages quote a part of a malformed UUID, and name Python's types.
_PROBLEMS = {
    "uuid_parsing": _NOT_A_UUID,
    "uuid_type": _NOT_A_UUID,
    "bool_parsing": _NOT_A_BOOLEAN,
    "bool_type": _NOT_A_BOOLEAN,
    "model_type": "it is not an object",
    "string_type": "it is not text",
}


def attribute_names() -> list[str]:
    """Return the names of the message attributes that events are read from."""
    used = [adapters.load(name) for name in settings.EVENT_ADAPTERS]
    return [TYPE, *(name for adapter in used for name in adapter.attributes)]


def decode_event(body: str, attributes: Mapping[str, str]) -> Any:
    """Return the JSON of an event for decisions, without escaping it for storage.

    `attributes` are the texts of the message attributes. The adapters in EVENT_ADAPTERS convert the
    forms of other producers. If the event has no type, the type in the attributes counts. Raise
    ValueError if the message cannot be read.
    """
    try:
        return _read(body, attributes).document
    except InvalidEvent as error:
        raise ValueError(error.message) from error


def describe_event(body: str, attributes: Mapping[str, str]) -> Any:
    """Return the JSON of an event for descriptions of it, or None if reading it fails.

    Log lines and the collection of dead letters must not fail because of a faulty adapter.
    """
    try:
        return decode_event(body, attributes)
    except Exception:
        return None


def parse_event(
    *, body: str, place: Place, attributes: Mapping[str, str] = NO_ATTRIBUTES
) -> AnyEvent:
    """Return the event in a queue message, from its body and the texts of its attributes.

    Raise InvalidEvent if the body is not a JSON object, its type is unknown, or a required field
    is missing or malformed. The message of the error quotes no personal data.
    """
    message = _read(body, attributes)
    if not isinstance(message.document, dict):
        raise InvalidEvent("not_an_object", "the event is JSON, but not an object")
    event_type = type_of(message.document)
    if event_type is None:
        raise InvalidEvent("unknown_event_type", "event_type is missing or unknown")
    try:
        event = event_type.parse(storable(message.document), place=place)
    except ValidationError as error:
        raise _invalid(error) from error
    named = message.attributes.get(TYPE, "")
    return replace(event, attribute_type=named) if named not in ("", event_type.name) else event


def _read(body: str, attributes: Mapping[str, str]) -> QueueMessage:
    """Return what a queue message means, with its type. Raise InvalidEvent if it cannot be read."""
    try:
        document = decode(body)
    except NotJson as error:
        raise InvalidEvent("not_json", f"the body {error}") from error
    message = QueueMessage(document=document, attributes=attributes)
    return _with_type(_adapt(message, names=settings.EVENT_ADAPTERS))


def _adapt(message: QueueMessage, *, names: Sequence[str]) -> QueueMessage:
    """Return what a message means in this service's own form, as far as these adapters can read it.

    An envelope may contain a message that another adapter reads. Each adapter is used at most once,
    so that no message can keep them running.
    """
    if type_of(message.document) is not None:
        return message
    for name in names:
        meant = adapters.load(name).adapt(message)
        if meant is not None:
            return _adapt(meant, names=[other for other in names if other != name])
    return message


def _with_type(message: QueueMessage) -> QueueMessage:
    document, named = message.document, message.attributes.get(TYPE)
    if not named or not isinstance(document, dict) or not is_blank(document.get(TYPE)):
        return message
    return replace(message, document={**document, TYPE: named})


def _invalid(error: ValidationError) -> InvalidEvent:
    first, *others = error.errors(include_url=False, include_context=False)
    field = ".".join(str(part) for part in first["loc"])
    is_null_object = first["type"] == "model_type" and first["input"] is None
    is_missing = first["type"] == "missing" or is_null_object
    if field == "data.channel_uuid" and is_missing:
        return InvalidEvent(
            "no_channel_uuid",
            "data.channel_uuid is missing, null, blank or the nil UUID: without it no conversation"
            " can open",
        )
    more = f" (and {len(others)} more)" if others else ""
    reason = "missing_field" if is_missing else "malformed_field"
    return InvalidEvent(reason, f"{field}: {_PROBLEMS.get(first['type'], first['msg'])}{more}")
