"""Models that validate producers' JSON bodies.

They ignore unknown fields, which apps.messages.parsers reads from the JSON itself.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from apps.conversations.contacts import Contact
from apps.messages import fields, wire_names
from apps.messages.contract import allowed
from apps.messages.wire_types import (
    CorrelationId,
    Direction,
    Flag,
    Id,
    Identifier,
    Key,
    MessageId,
    MessageText,
    Name,
    Text,
    Time,
    Urn,
    Value,
    otherwise,
)


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
    names = wire_names.MESSAGE

    id: MessageId
    text: MessageText = ""
    source: Text = ""
    created_at: Time = ""
    contact_name: Name = ""


class _MessageData(_Identity):
    message: Annotated[_Message, BeforeValidator(wire_names.rename_in_message)]


class _ReceivedData(_MessageData):
    key: Key = ""
    value: Value = ""


class _WindowData(_Identity):
    names = wire_names.WINDOW

    external_id: Id = ""
    name: Name = ""
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
    names = wire_names.MESSAGE

    id: MessageId


class _DeletionData(_Identity):
    message: Annotated[_DeletedMessage, BeforeValidator(wire_names.rename_in_message)]
    direction: Direction = "received"


class _Status(Wire):
    names = wire_names.MESSAGE

    id: Annotated[MessageId, otherwise("")] = ""
    status: Annotated[Text, otherwise("")] = ""


class _StatusData(_Identity):
    project_uuid: Annotated[UUID, otherwise(fields.NIL)] = fields.NIL
    channel_uuid: Annotated[UUID, otherwise(fields.NIL)] = fields.NIL
    contact_urn: Annotated[Urn, otherwise("")] = ""
    message: Annotated[
        _Status, BeforeValidator(wire_names.rename_in_message), otherwise(_Status())
    ] = _Status()
    direction: Annotated[Literal["received", "sent"], otherwise("sent")] = "sent"


class WireMessage(Wire):
    """The body of a message to a contact."""

    correlation_id: CorrelationId = ""
    data: _MessageData


class WireReceived(WireMessage):
    """The body of a message from a contact. It is a survey answer if it has a `key`."""

    data: _ReceivedData
    key: Key = ""
    value: Value = ""

    @model_validator(mode="before")
    @classmethod
    def _one_answer(cls, document: Any) -> Any:
        """Leave out the answer beside `data` if there is one in `data`."""
        if not _has_key(_data_of(document)):
            return document
        return {name: value for name, value in document.items() if name not in ("key", "value")}


class WireDeletion(Wire):
    """The body of the deletion of a message by its author."""

    correlation_id: CorrelationId = ""
    data: _DeletionData


class WireStatus(Wire):
    """The body of a delivery status. Whatever is missing or malformed has its default.

    A status is worth less than the time to look at a dead letter.
    """

    correlation_id: Annotated[CorrelationId, otherwise("")] = ""
    data: Annotated[_StatusData, otherwise(_StatusData())] = _StatusData()


class WireWindow(Wire):
    """The body of a conversation window."""

    correlation_id: CorrelationId = ""
    data: Annotated[_WindowData, BeforeValidator(wire_names.rename_in_window)]


class WireClose(Wire):
    """The body of a close."""

    correlation_id: CorrelationId = ""
    data: _CloseData


_flag: TypeAdapter[bool] = TypeAdapter(Flag)
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
    return _has_key(_data_of(document)) or _has_key(document)


def reports_takeover(document: dict[str, Any]) -> bool:
    """Return whether a window's JSON says that a human took over. A malformed value does not."""
    try:
        return _flag.validate_python(_data_of(document).get("has_chats_room"))
    except ValidationError:
        return False


def _data_of(document: Any) -> dict[str, Any]:
    data = document.get("data") if isinstance(document, dict) else None
    return data if isinstance(data, dict) else {}


def _has_key(part: Mapping[str, Any]) -> bool:
    return not fields.is_blank(part.get("key"))
