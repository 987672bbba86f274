"""Checks of single fields that the wire models share. Their errors quote nothing of a value."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic_core import PydanticCustomError

# Some producers write this for an id that was never set.
NIL = UUID(int=0)
_NIL_TEXTS = frozenset({str(NIL), NIL.hex})
_RESOLUTIONS = {"0": 0, "1": 1, "3": 3, "4": 4}


def is_blank(value: Any) -> bool:
    """Return whether a value is null, or a text that is empty or only blanks."""
    return value is None or (isinstance(value, str) and not value.strip())


def is_missing(value: Any) -> bool:
    """Return whether a value is blank, or the text of the nil UUID."""
    return is_blank(value) or (isinstance(value, str) and value.strip() in _NIL_TEXTS)


def required(value: Any) -> Any:
    """Return a value. Raise the error for a missing field if it is blank or the nil UUID."""
    if is_blank(value):
        raise PydanticCustomError("missing", "Field required, but it is null or blank")
    if is_missing(value):
        raise PydanticCustomError("missing", "Field required, but it is the nil UUID")
    return value


def not_nil(uuid: UUID) -> UUID:
    """Return a UUID. Raise the error for a missing field if it is the nil UUID in any form."""
    required(str(uuid))
    return uuid


def id_of(value: Any) -> Any:
    """Return an id. That of an object is its `uuid` or its `id`. A missing one is ""."""
    ids = [value.get("uuid"), value.get("id")] if isinstance(value, dict) else [value]
    return next((whole_number(stripped(one)) for one in ids if not is_missing(one)), "")


def whole_number(value: Any) -> Any:
    """Return a number such as 42.0 as an integer, and any other value as it is."""
    is_whole = isinstance(value, Decimal) and value == value.to_integral_value()
    return int(value) if is_whole else value


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
