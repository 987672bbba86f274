"""Models that validate producers' JSON bodies.

They ignore unknown fields, which apps.messages.parsers reads from the JSON itself.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

from apps.common.lossless_json import dump
from apps.conversations.contacts import Contact

# Both are indexed, and PostgreSQL limits a B-tree entry to a third of a page (2,704 bytes).
MAX_URN_LENGTH = 512
MAX_KEY_LENGTH = 255


def _absent_is_empty(value: Any) -> Any:
    return "" if value is None else value


def _absent_is_false(value: Any) -> Any:
    return False if value is None else value


def _as_text(value: Any) -> Any:
    """Return a custom event's value as text: "" for None, and JSON unless it is a string."""
    return value if isinstance(value, str) else "" if value is None else dump(value)


def _with_names(names: dict[str, tuple[str, ...]]) -> Callable[[Any], Any]:
    """Return a validator that renames fields for which producers have several names.

    `names` maps our name to theirs. The first field that is neither absent, null nor empty counts.
    """

    def rename(document: Any) -> Any:
        if not isinstance(document, dict):
            return document
        renamed = dict(document)
        for name, others in names.items():
            values = [document[other] for other in others if document.get(other) not in (None, "")]
            renamed.update({name: values[0]} if values else {})
        return renamed

    return rename


_message_names = _with_names({"id": ("id", "message_id")})
_window_names = _with_names(
    {"external_id": ("external_id", "id"), "name": ("contact_name", "name")}
)


Text = Annotated[str, BeforeValidator(_absent_is_empty)]
Required = Annotated[str, StringConstraints(min_length=1)]
Key = Annotated[Text, StringConstraints(max_length=MAX_KEY_LENGTH)]
Value = Annotated[str, BeforeValidator(_as_text)]


class Wire(BaseModel):
    """Base of all wire models: numbers are accepted as text, and unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class _Identity(Wire):
    project_uuid: UUID
    channel_uuid: UUID
    contact_urn: Annotated[Required, StringConstraints(max_length=MAX_URN_LENGTH)]

    @property
    def contact(self) -> Contact:
        return Contact(
            project_uuid=self.project_uuid, channel_uuid=self.channel_uuid, urn=self.contact_urn
        )


class _Message(Wire):
    id: Required
    text: Text = ""
    source: Text = ""
    created_at: Text = ""
    contact_name: Text = ""


class _MessageData(_Identity):
    message: Annotated[_Message, BeforeValidator(_message_names)]
    key: Key = ""
    value: Value = ""


class _WindowData(_Identity):
    external_id: Text = ""
    name: Text = ""
    has_chats_room: Annotated[bool, BeforeValidator(_absent_is_false)] = False


class _CloseData(_Identity):
    resolution: Literal[0, 1, 3, 4]


class WireMessage(Wire):
    """The body of a message received from or sent to a contact."""

    correlation_id: Text = ""
    data: _MessageData
    key: Key = ""
    value: Value = ""


class WireWindow(Wire):
    """The body of a conversation window."""

    correlation_id: Text = ""
    data: Annotated[_WindowData, BeforeValidator(_window_names)]


class WireClose(Wire):
    """The body of a close."""

    correlation_id: Text = ""
    data: _CloseData


def has_survey_key(document: dict[str, Any]) -> bool:
    """Return whether a message's JSON has the key of a survey answer, in `data` or beside it.

    Such an event goes alone: its conversation depends on whether the contact wrote before it, so a
    rerun must not find a later message of its batch already stored.
    """
    data = document.get("data")
    places = (document, data) if isinstance(data, dict) else (document,)
    return any(place.get("key") not in (None, "") for place in places)
