"""The registry of event types. All code that distinguishes types looks them up here.

A new type is an entry in `EVENT_TYPES`, a wire model (apps.messages.wire), a parser
(apps.messages.parsers), what the steps do with its event (tasks.steps), and a line in
docs/events.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from apps.messages import parsers
from apps.messages.events import AnyEvent, Arrival
from apps.messages.parsers import RawEvent
from apps.messages.wire import Wire, WireClose, WireMessage, WireWindow, has_survey_key

MESSAGE_RECEIVED = "message.received"
MESSAGE_SENT = "message.sent"
CONVERSATION_WINDOW = "conversation.window"
CONVERSATION_CLOSE = "conversation.close"

WireT = TypeVar("WireT", bound=Wire)


def never(_document: dict[str, Any]) -> bool:
    """Return False, for types whose events never go alone."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType(Generic[WireT]):
    """One event type: its names, how its events are read, and how they run.

    `name` is the `event_type` in JSON, in log lines and in the labels of metrics; `label` is shown
    to people. `parser` makes the event from the validated `wire` model. If `may_close`, events of
    the type are barriers in their group. `goes_alone` takes an event's JSON, because it depends on
    the event's fields. `from_contact` says whether the contact wrote the type's messages.
    """

    name: str
    label: str
    wire: type[WireT]
    parser: Callable[[WireT, RawEvent], AnyEvent]
    may_close: bool
    goes_alone: Callable[[dict[str, Any]], bool]
    from_contact: bool = False

    def parse(self, document: dict[str, Any], *, arrival: Arrival) -> AnyEvent:
        """Return the event in a document of this type.

        Raises pydantic's ValidationError if the document does not have the form of `wire`, and
        InvalidEvent if a value has no meaning.
        """
        raw = RawEvent(document=document, event_type=self.name, arrival=arrival)
        return self.parser(self.wire.model_validate(document), raw)


EVENT_TYPES: Mapping[str, EventType[Any]] = {
    event_type.name: event_type
    for event_type in (
        EventType(
            name=MESSAGE_RECEIVED,
            label="Message from the contact",
            wire=WireMessage,
            parser=parsers.received_message,
            may_close=False,
            goes_alone=has_survey_key,
            from_contact=True,
        ),
        EventType(
            name=MESSAGE_SENT,
            label="Message to the contact",
            wire=WireMessage,
            parser=parsers.sent_message,
            may_close=False,
            goes_alone=has_survey_key,
        ),
        EventType(
            name=CONVERSATION_WINDOW,
            label="Conversation window",
            wire=WireWindow,
            parser=parsers.window,
            may_close=True,
            goes_alone=never,
        ),
        EventType(
            name=CONVERSATION_CLOSE,
            label="Close of the conversation",
            wire=WireClose,
            parser=parsers.close,
            may_close=True,
            goes_alone=never,
        ),
    )
}


def type_of(document: Any) -> EventType[Any] | None:
    """Return the type of an event's JSON, or None if it is unknown or this is not an event."""
    name = document.get("event_type") if isinstance(document, dict) else None
    return EVENT_TYPES.get(name) if isinstance(name, str) else None


def is_barrier(document: Any) -> bool:
    """Return whether an event's JSON may close a conversation."""
    event_type = type_of(document)
    return event_type is not None and event_type.may_close


def goes_alone(document: Any) -> bool:
    """Return whether an event, given as JSON, must take its whole effect before any later event.

    Return False for an unknown type, because its event is refused and takes no effect.
    """
    event_type = type_of(document)
    return event_type is not None and event_type.goes_alone(document)


def label_of(name: str) -> str:
    """Return the label of a stored event type, or its name if the type is unknown."""
    event_type = EVENT_TYPES.get(name)
    return event_type.label if event_type else name
