"""The registry of event types. All code that distinguishes types looks them up here.

A new type is an entry in `EVENT_TYPES`, a wire model (apps.messages.wire), a parser
(apps.messages.parsers), what the steps do with its event (tasks.steps), and a line in
docs/events.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.utils.translation import gettext, gettext_noop

from apps.messages import parsers
from apps.messages.events import AnyEvent
from apps.messages.parsers import RawEvent
from apps.messages.wire import (
    Wire,
    WireClose,
    WireDeletion,
    WireMessage,
    WireReceived,
    WireStatus,
    WireWindow,
    has_survey_key,
    reports_takeover,
)
from celery_sqs_fifo.place import Place

MESSAGE_RECEIVED = "message.received"
MESSAGE_SENT = "message.sent"
MESSAGE_DELETED = "message.deleted"
MESSAGE_STATUS = "message.status"
CONVERSATION_WINDOW = "conversation.window"
CONVERSATION_CLOSE = "conversation.close"

WireT = TypeVar("WireT", bound=Wire)


# The kinds of events that do not need what a plain message needs. An answer is written, a close
# archives a conversation, and a delivery status needs hardly anything.
ANSWER = "answer"
CLOSING = "closing"
STATUS = "status"


def plain(_document: dict[str, Any]) -> str:
    """Return "", for types whose events need nothing more."""
    return ""


def _kind_of_message(document: dict[str, Any]) -> str:
    return ANSWER if has_survey_key(document) else ""


def _kind_of_window(document: dict[str, Any]) -> str:
    return CLOSING if reports_takeover(document) else ""


def closing(_document: dict[str, Any]) -> str:
    """Return CLOSING, for types whose events always need the archive."""
    return CLOSING


def _kind_of_status(_document: dict[str, Any]) -> str:
    return STATUS


def never(_document: dict[str, Any]) -> bool:
    """Return False, for types whose events never go alone."""
    return False


def always(_document: dict[str, Any]) -> bool:
    """Return True, for types whose events always go alone."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType(Generic[WireT]):
    """One event type: its names, how its events are read, and how they run.

    `name` is the `event_type` in JSON, in log lines and in the labels of metrics; `label`
    describes it to people, in English. `parser` makes the event from the validated `wire` model. If
    `may_close`, events of the type are barriers in their group. `goes_alone` and `kind` (see
    `kind_of`) take an event's JSON, because they depend on the event's fields. `from_contact` says
    whether the contact wrote the type's messages.
    """

    name: str
    label: str
    wire: type[WireT]
    parser: Callable[[WireT, RawEvent], AnyEvent]
    may_close: bool
    goes_alone: Callable[[dict[str, Any]], bool]
    from_contact: bool = False
    kind: Callable[[dict[str, Any]], str] = plain

    def parse(self, document: dict[str, Any], *, place: Place) -> AnyEvent:
        """Return the event in a document of this type.

        Raises pydantic's ValidationError if the document does not have the form of `wire`, and
        InvalidEvent if a value has no meaning.
        """
        raw = RawEvent(document=document, event_type=self.name, place=place)
        return self.parser(self.wire.model_validate(document), raw)


EVENT_TYPES: Mapping[str, EventType[Any]] = {
    event_type.name: event_type
    for event_type in (
        EventType(
            name=MESSAGE_RECEIVED,
            label=gettext_noop("Message from the contact"),
            wire=WireReceived,
            parser=parsers.received_message,
            may_close=False,
            goes_alone=has_survey_key,
            from_contact=True,
            kind=_kind_of_message,
        ),
        EventType(
            name=MESSAGE_SENT,
            label=gettext_noop("Message to the contact"),
            wire=WireMessage,
            parser=parsers.sent_message,
            may_close=False,
            goes_alone=never,
        ),
        EventType(
            name=MESSAGE_DELETED,
            label=gettext_noop("Deletion of a message by its author"),
            wire=WireDeletion,
            parser=parsers.deletion,
            may_close=False,
            goes_alone=always,
            kind=closing,
        ),
        EventType(
            name=MESSAGE_STATUS,
            label=gettext_noop("Delivery status of a message"),
            wire=WireStatus,
            parser=parsers.status,
            may_close=False,
            goes_alone=never,
            kind=_kind_of_status,
        ),
        EventType(
            name=CONVERSATION_WINDOW,
            label=gettext_noop("Conversation window"),
            wire=WireWindow,
            parser=parsers.window,
            may_close=True,
            goes_alone=never,
            kind=_kind_of_window,
        ),
        EventType(
            name=CONVERSATION_CLOSE,
            label=gettext_noop("Close of the conversation"),
            wire=WireClose,
            parser=parsers.close,
            may_close=True,
            goes_alone=never,
            kind=closing,
        ),
    )
}


def kind_of(document: Any) -> str:
    """Return which sort of work an event, given as JSON, needs.

    Return ANSWER, CLOSING or STATUS, or "" for a plain message and for an unknown type.
    """
    event_type = type_of(document)
    return "" if event_type is None else event_type.kind(document)


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
    """Return the translated label of a stored event type, or its name if the type is unknown."""
    event_type = EVENT_TYPES.get(name)
    return gettext(event_type.label) if event_type else name
