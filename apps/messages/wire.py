"""Models that validate producers' JSON bodies.

They ignore unknown fields, which apps.messages.parsers reads from the JSON itself.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from apps.common.lossless_json import dump
from apps.conversations.contacts import Contact
from apps.messages import fields
from apps.messages.contract import allowed

# Both are indexed, and PostgreSQL limits a B-tree entry to a third of a page (2,704 bytes).
MAX_URN_LENGTH = 512
MAX_KEY_LENGTH = 255
# Some producers write this for an id that was never set.
_NIL = UUID(int=0)


def _absent_is_empty(value: Any) -> Any:
    return "" if value is None else value


def _absent_is_false(value: Any) -> Any:
    return False if value is None else value


# Also 1 and "true", as pydantic reads a boolean.
Flag = Annotated[bool, BeforeValidator(_absent_is_false)]
_FLAG: TypeAdapter[bool] = TypeAdapter(Flag)


def _absent_is_received(value: Any) -> Any:
    return "received" if value in (None, "") else value


def _as_text(value: Any) -> Any:
    """Return a value as text: a string as it is, "" for None, and anything else as JSON."""
    return value if isinstance(value, str) else "" if value is None else dump(value)


def _as_id(value: Any) -> Any:
    """Return an id as text: that of an object is its `uuid` or `id`, and a nil UUID is none."""
    if isinstance(value, dict):
        value = value.get("uuid") or value.get("id")
    text = _as_text(value)
    return "" if text == str(_NIL) else text


def _or(default: Any) -> WrapValidator:
    """Return a validator that replaces what is malformed by `default`."""

    def validate(value: Any, validated: ValidatorFunctionWrapHandler) -> Any:
        try:
            return validated(value)
        except ValidationError:
            return default

    return WrapValidator(validate)


def _with_names(names: Mapping[str, Sequence[str]]) -> Callable[[Any], Any]:
    """Return a validator that renames fields for which producers have several names.

    `names` maps our name to theirs. The first field that is neither absent, null nor blank counts.
    """

    def rename(document: Any) -> Any:
        if not isinstance(document, dict):
            return document
        renamed = dict(document)
        for name, others in names.items():
            values = [
                document[other] for other in others if not fields.is_blank(document.get(other))
            ]
            renamed.update({name: values[0]} if values else {})
        return renamed

    return rename


_MESSAGE_NAMES = {"id": ("id", "message_id")}
_WINDOW_NAMES = {
    "external_id": ("external_id", "id"),
    # Where both stand, `contact_name` may be that of the channel.
    "name": ("name", "contact_name"),
    "start": ("start", "start_date"),
    "end": ("end", "end_date"),
    "ticket_uuid": ("ticket_uuid", "ticket_id", "ticket"),
    "agent_uuid": ("agent_uuid", "agent_id", "agent"),
}
_message_names = _with_names(_MESSAGE_NAMES)
_window_names = _with_names(_WINDOW_NAMES)


Text = Annotated[str, BeforeValidator(_absent_is_empty)]
MessageText = Annotated[Text, BeforeValidator(fields.text_of)]
Required = Annotated[str, BeforeValidator(fields.required)]
Identifier = Annotated[UUID, BeforeValidator(fields.required), AfterValidator(fields.not_nil)]
Urn = Annotated[
    str,
    StringConstraints(max_length=MAX_URN_LENGTH),
    BeforeValidator(fields.stripped),
    BeforeValidator(fields.required),
]
Key = Annotated[
    str,
    StringConstraints(max_length=MAX_KEY_LENGTH),
    BeforeValidator(_absent_is_empty),
    BeforeValidator(fields.stripped),
]
Value = Annotated[str, BeforeValidator(_as_text)]
# The text of a time, which apps.messages.times reads: a number and its text are the same time.
Time = Annotated[str, BeforeValidator(_as_text)]
Id = Annotated[str, BeforeValidator(_as_id)]


class Wire(BaseModel):
    """Base of all wire models: numbers are accepted as text, and unknown fields are ignored."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        coerce_numbers_to_str=True,
        json_schema_extra=allowed.describe,
    )
    # What producers call the fields for which they have several names.
    names: ClassVar[Mapping[str, Sequence[str]]] = {}


class _Identity(Wire):
    project_uuid: Identifier
    channel_uuid: Identifier
    contact_urn: Urn

    @property
    def contact(self) -> Contact:
        return Contact(
            project_uuid=self.project_uuid, channel_uuid=self.channel_uuid, urn=self.contact_urn
        )


class _Message(Wire):
    names = _MESSAGE_NAMES

    id: Required
    text: MessageText = ""
    source: Text = ""
    created_at: Time = ""
    contact_name: Text = ""


class _MessageData(_Identity):
    message: Annotated[_Message, BeforeValidator(_message_names)]
    key: Key = ""
    value: Value = ""


class _WindowData(_Identity):
    names = _WINDOW_NAMES

    external_id: Text = ""
    name: Text = ""
    start: Time = ""
    end: Time = ""
    ticket_uuid: Id = ""
    agent_uuid: Id = ""
    has_chats_room: Flag = False


class _CloseData(_Identity):
    resolution: Annotated[
        Literal[0, 1, 3, 4],
        BeforeValidator(fields.resolution),
        BeforeValidator(fields.required),
    ]


class _DeletedMessage(Wire):
    names = _MESSAGE_NAMES

    id: Required


class _DeletionData(_Identity):
    message: Annotated[_DeletedMessage, BeforeValidator(_message_names)]
    direction: Annotated[Literal["received", "sent"], BeforeValidator(_absent_is_received)] = (
        "received"
    )


class _Status(Wire):
    names = _MESSAGE_NAMES

    id: Annotated[Text, _or("")] = ""
    status: Annotated[Text, _or("")] = ""


class _StatusData(_Identity):
    project_uuid: Annotated[UUID, _or(_NIL)] = _NIL
    channel_uuid: Annotated[UUID, _or(_NIL)] = _NIL
    contact_urn: Annotated[Text, StringConstraints(max_length=MAX_URN_LENGTH), _or("")] = ""
    message: Annotated[_Status, BeforeValidator(_message_names), _or(_Status())] = _Status()
    direction: Annotated[Literal["received", "sent"], _or("sent")] = "sent"


class WireMessage(Wire):
    """The body of a message received from or sent to a contact."""

    correlation_id: Text = ""
    data: _MessageData
    key: Key = ""
    value: Value = ""


class WireDeletion(Wire):
    """The body of the deletion of a message by its author."""

    correlation_id: Text = ""
    data: _DeletionData


class WireStatus(Wire):
    """The body of a delivery status. Whatever is missing or malformed has its default.

    A status is worth less than the time to look at a dead letter.
    """

    correlation_id: Annotated[Text, _or("")] = ""
    data: Annotated[_StatusData, _or(_StatusData())] = _StatusData()


class WireWindow(Wire):
    """The body of a conversation window."""

    correlation_id: Text = ""
    data: Annotated[_WindowData, BeforeValidator(_window_names)]


class WireClose(Wire):
    """The body of a close."""

    correlation_id: Text = ""
    data: _CloseData


_urn = TypeAdapter(Urn, config=ConfigDict(coerce_numbers_to_str=True))


def urn_of(value: Any) -> str:
    """Return the URN that a `contact_urn` stands for, as in events, or "" if it is not valid."""
    try:
        return _urn.validate_python(value)
    except ValidationError:
        return ""


def has_survey_key(document: dict[str, Any]) -> bool:
    """Return whether a message has the key of a survey answer, in `data` or at the top level.

    Such an event goes alone: its conversation depends on whether the contact wrote before it, so a
    rerun must not find a later message of its batch already stored.
    """
    data = document.get("data")
    has_key = isinstance(data, dict) and not fields.is_blank(data.get("key"))
    return has_key or not fields.is_blank(document.get("key"))


def reports_takeover(document: dict[str, Any]) -> bool:
    """Return whether a window's JSON says that a human took over. A malformed value does not."""
    data = document.get("data")
    try:
        return isinstance(data, dict) and _FLAG.validate_python(data.get("has_chats_room"))
    except ValidationError:
        return False
