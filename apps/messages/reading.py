"""Reading an event from the body of a queue message."""

from typing import Any

from pydantic import ValidationError

from apps.common.errors import InvalidEvent
from apps.common.lossless_json import parse
from apps.messages.event_types import type_of
from apps.messages.events import AnyEvent, Arrival


def parse_event(*, body: str, arrival: Arrival) -> AnyEvent:
    """Return the event in a queue message's body.

    Raises InvalidEvent if the body is not a JSON object, its type is unknown, or a required field
    is missing or malformed. The message of the error quotes no personal data.
    """
    document = _json_object(body)
    event_type = type_of(document)
    if event_type is None:
        raise InvalidEvent("unknown_event_type", "event_type is missing or unknown")
    try:
        return event_type.parse(document, arrival=arrival)
    except ValidationError as error:
        raise _invalid(error) from error


def _json_object(body: str) -> dict[str, Any]:
    try:
        document = parse(body)
    except ValueError as error:
        raise InvalidEvent("not_json", "the body is not JSON") from error
    if not isinstance(document, dict):
        raise InvalidEvent("not_an_object", "the body is JSON, but not an object")
    return document


def _invalid(error: ValidationError) -> InvalidEvent:
    first, *others = error.errors(include_url=False, include_context=False)
    field = ".".join(str(part) for part in first["loc"])
    is_absent = first["type"] == "missing" or first["input"] in (None, "")
    if field == "data.channel_uuid" and is_absent:
        return InvalidEvent(
            "no_channel_uuid", "data.channel_uuid is missing: without it no conversation can open"
        )
    # Pydantic's message for a malformed UUID quotes a part of the value.
    problem = "is not a UUID" if first["type"].startswith("uuid") else first["msg"]
    more = f" (and {len(others)} more)" if others else ""
    reason = "missing_field" if first["type"] == "missing" else "malformed_field"
    return InvalidEvent(reason, f"{field}: {problem}{more}")
