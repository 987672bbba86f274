"""The form of the producers' JSON bodies. Unknown fields are allowed: they are kept elsewhere."""

from collections.abc import Callable
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

from apps.common.lossless_json import dump
from apps.conversations.contacts import Contact

# They are indexed, and a PostgreSQL index entry ends at a third of a page (2,704 bytes).
MAX_URN_LENGTH = 512
MAX_KEY_LENGTH = 255


def _absent_is_empty(value: Any) -> Any:
    return "" if value is None else value


def _absent_is_false(value: Any) -> Any:
    return False if value is None else value


def _any_as_text(value: Any) -> Any:
    """Custom events may carry any value: what is no text stands for itself as JSON."""
    return value if isinstance(value, str) else "" if value is None else dump(value)


def _with_names(names: dict[str, tuple[str, ...]]) -> Callable[[Any], Any]:
    """Give fields that producers name in several ways one name: the first that says something."""

    def rename(document: Any) -> Any:
        if not isinstance(document, dict):
            return document
        renamed = dict(document)
        for name, others in names.items():
            said = [document[other] for other in others if document.get(other) not in (None, "")]
            renamed.update({name: said[0]} if said else {})
        return renamed

    return rename


_message_names = _with_names({"id": ("id", "message_id")})
_window_names = _with_names(
    {"external_id": ("external_id", "id"), "name": ("contact_name", "name")}
)


Text = Annotated[str, BeforeValidator(_absent_is_empty)]
Required = Annotated[str, StringConstraints(min_length=1)]
Key = Annotated[Text, StringConstraints(max_length=MAX_KEY_LENGTH)]
Value = Annotated[str, BeforeValidator(_any_as_text)]


class Wire(BaseModel):
    """What all wire models have: numbers are taken for text, and unknown fields are ignored."""

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
    """A message received from or sent to a contact."""

    correlation_id: Text = ""
    data: _MessageData
    key: Key = ""
    value: Value = ""


class WireWindow(Wire):
    """A conversation window."""

    correlation_id: Text = ""
    data: Annotated[_WindowData, BeforeValidator(_window_names)]


class WireClose(Wire):
    """A close."""

    correlation_id: Text = ""
    data: _CloseData


def has_survey_key(document: dict[str, Any]) -> bool:
    """Return whether a message's JSON has the key of a survey answer: in `data`, or beside it.

    The conversation of an answer depends on whether the contact has written before it. Run again,
    it must not see that a later message of its batch was written.
    """
    data = document.get("data")
    places = (document, data) if isinstance(data, dict) else (document,)
    return any(place.get("key") not in (None, "") for place in places)
