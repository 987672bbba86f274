"""The events that chat platforms put on the queue, as the steps work with them."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from apps.conversations.contacts import Contact
from apps.conversations.models import Resolution
from apps.conversations.services import WindowUpdate
from apps.messages.entries import MessageEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """When and where an event entered the queue; the same on every delivery."""

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
    """What all events have; `event_type` is the name of a type in apps.messages.event_types."""

    event_type: str
    arrival: Arrival
    correlation_id: str
    contact: Contact

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.correlation_id})"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MessageEvent(Event):
    """A message received from or sent to a contact, a survey answer, or both.

    `entry` is None where the message only carries an answer: it is no chat message then.
    """

    message_id: str
    at: datetime
    from_contact: bool
    contact_name: str
    entry: MessageEntry | None
    answer: SurveyAnswer | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class WindowEvent(Event):
    """A conversation window; one with a chats room says that a human took over."""

    window: WindowUpdate
    has_chats_room: bool


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CloseEvent(Event):
    """The platform closes the conversation."""

    resolution: Resolution


# A step that handles one kind after the other ends in `assert_never`, so that mypy finds the steps
# that a new kind has to be added to.
AnyEvent: TypeAlias = MessageEvent | WindowEvent | CloseEvent
