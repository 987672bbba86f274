"""The types of fields in the wire models: what a producer may write, and what is made of it."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BeforeValidator,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from apps.common.lossless_json import escape, unparse
from apps.messages import fields

# Both are indexed, and PostgreSQL limits a B-tree entry to a third of a page (2,704 bytes).
MAX_URN_LENGTH = 512
MAX_KEY_LENGTH = 255
# The entry of a deleted message keeps its two ids, and must fit into one item of DynamoDB. A
# character takes up to six bytes there.
MAX_ID_LENGTH = 25_000


def _absent_is_empty(value: Any) -> Any:
    return "" if value is None else value


def _absent_is_false(value: Any) -> Any:
    return False if fields.is_blank(value) else fields.stripped(value)


def _absent_is_received(value: Any) -> Any:
    return "received" if fields.is_blank(value) else value


def as_text(value: Any) -> Any:
    """Return a stored value as text: a string as it is, "" for None, and anything else as JSON.

    The JSON is that from which the value was parsed, escaped as a text.
    """
    return value if isinstance(value, str) else "" if value is None else escape(unparse(value))


def otherwise(default: Any) -> WrapValidator:
    """Return a validator that replaces what is malformed by `default`."""

    def validate(value: Any, validated: ValidatorFunctionWrapHandler) -> Any:
        try:
            return validated(value)
        except ValidationError:
            return default

    return WrapValidator(validate)


Text = Annotated[str, BeforeValidator(_absent_is_empty)]
MessageText = Annotated[Text, BeforeValidator(fields.text_of)]
Name = Annotated[Text, BeforeValidator(fields.stripped)]
Id = Annotated[str, BeforeValidator(fields.id_of)]
CorrelationId = Annotated[
    str,
    StringConstraints(max_length=MAX_ID_LENGTH),
    BeforeValidator(_absent_is_empty),
    BeforeValidator(fields.whole_number),
]
MessageId = Annotated[
    str,
    StringConstraints(max_length=MAX_ID_LENGTH),
    BeforeValidator(fields.whole_number),
    BeforeValidator(fields.required),
]
Identifier = Annotated[
    UUID,
    BeforeValidator(fields.stripped),
    BeforeValidator(fields.required),
    AfterValidator(fields.not_nil),
]
Urn = Annotated[
    str,
    StringConstraints(max_length=MAX_URN_LENGTH),
    BeforeValidator(fields.whole_number),
    BeforeValidator(fields.stripped),
    BeforeValidator(fields.required),
]
Key = Annotated[
    str,
    StringConstraints(max_length=MAX_KEY_LENGTH),
    BeforeValidator(_absent_is_empty),
    BeforeValidator(fields.stripped),
]
Value = Annotated[str, BeforeValidator(as_text)]
# The text of a time, which apps.messages.times reads: a number and its text are the same time.
Time = Annotated[str, BeforeValidator(as_text)]
# Also 1, "yes" and other values that pydantic reads as a boolean.
Flag = Annotated[bool, BeforeValidator(_absent_is_false)]
Direction = Annotated[Literal["received", "sent"], BeforeValidator(_absent_is_received)]
