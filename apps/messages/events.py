"""The events of chat platforms, in the form that the steps use."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from apps.conversations.contacts import Contact
from apps.conversations.models import Resolution
from apps.conversations.services import WindowUpdate
from apps.messages.entries import MessageEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """When and where an event entered the queue. Every delivery has the same values."""

    group_id: str
    sent_at: datetime
    sequence_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyAnswer:
    """A contact's answer; `score` is None for custom keys."""

    key: str
    value: str
    score: int | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Event:
    """Fields of all events; `event_type` is the name of a type in apps.messages.event_types."""

    event_type: str
    arrival: Arrival
    correlation_id: str
    contact: Contact

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.correlation_id})"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MessageEvent(Event):
    """A message received from or sent to a contact, a survey answer, or both.

    `entry` is None if the message only carries an answer and is not part of the chat.
    """

    message_id: str
    at: datetime
    from_contact: bool
    contact_name: str
    entry: MessageEntry | None
    answer: SurveyAnswer | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class WindowEvent(Event):
    """A conversation window. If `has_chats_room`, a human took over."""

    window: WindowUpdate
    has_chats_room: bool


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CloseEvent(Event):
    """A close of the conversation by the platform."""

    resolution: Resolution


# Steps that distinguish these classes end in `assert_never`, so that mypy reports each step that
# does not handle a new class.
AnyEvent: TypeAlias = MessageEvent | WindowEvent | CloseEvent
