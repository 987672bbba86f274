"""Checks of single fields that the wire models share. Their errors quote nothing of a value."""

from typing import Any
from uuid import UUID

from pydantic_core import PydanticCustomError

_RESOLUTIONS = {"0": 0, "1": 1, "3": 3, "4": 4}


def is_blank(value: Any) -> bool:
    """Return whether a value is null, or a text that is empty or only blanks."""
    return value is None or (isinstance(value, str) and not value.strip())


def required(value: Any) -> Any:
    """Return a value. Raise the error for a missing field if it is null or blank."""
    if is_blank(value):
        raise PydanticCustomError("missing", "Field required, but it is null or blank")
    return value


def not_nil(uuid: UUID) -> UUID:
    """Return a UUID. Raise the error for a missing field if it is the nil UUID."""
    if not uuid.int:
        raise PydanticCustomError("missing", "Field required, but it is the nil UUID")
    return uuid


def resolution(value: Any) -> int:
    """Return a resolution, which is an integer or the text of one. Raise an error for others.

    Without this check, pydantic takes 1.0 and true for 1.
    """
    text = value.strip() if isinstance(value, str) else str(value) if type(value) is int else ""
    if text not in _RESOLUTIONS:
        raise PydanticCustomError(
            "resolution", "it is not 0, 1, 3 or 4; write the digit as a number or as text"
        )
    return _RESOLUTIONS[text]


def stripped(value: Any) -> Any:
    """Return a text without the blanks around it, and any other value as it is."""
    return value.strip() if isinstance(value, str) else value


def text_of(value: Any) -> Any:
    """Return the text in the field `text` of a message, which may be an object with a `body`.

    WhatsApp's webhooks write texts so. Any other value is returned as it is.
    """
    match value:
        case {"body": str(body)}:
            return body
        case _:
            return value
