"""The events of chat platforms, in the form that the steps use."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from apps.conversations.contacts import Contact
from apps.conversations.models import Resolution
from apps.conversations.windows import WindowUpdate
from apps.messages.entries import MessageEntry
from apps.messages.versions import identity_of
from celery_sqs_fifo.place import Place

STATUSES = ("sent", "delivered", "read", "failed")
# Any other status. It is counted, and not kept.
OTHER_STATUS = "other"
# A status is not worth the write units of a longer id.
MAX_STATUS_ID_LENGTH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyAnswer:
    """A contact's answer; `score` is None for custom keys.

    `problem` is a NoScore if a CSAT or NPS answer has no score, otherwise "".
    """

    key: str
    value: str
    score: int | None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Event:
    """Fields of all events; `event_type` is the name of a type in apps.messages.event_types.

    `attribute_type` is the type in the message attribute if it is another one, and else "".
    """

    event_type: str
    place: Place
    correlation_id: str
    contact: Contact
    attribute_type: str = ""

    def __repr__(self) -> str:
        # A producer's correlation id may be an address.
        return f"{type(self).__name__}({self.place.sequence_number})"


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


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _EventAboutMessage(Event):
    """An event about a message, which it names by its direction and its id.

    `direction` is "received" or "sent", as in the type of the message.
    """

    direction: str
    message_id: str

    @property
    def identity(self) -> str:
        """The identity of the message (see apps.messages.versions)."""
        return identity_of(direction=self.direction, message_id=self.message_id)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DeletionEvent(_EventAboutMessage):
    """The deletion of a message by its author."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class StatusEvent(_EventAboutMessage):
    """A delivery status of a message; `status` is one of STATUSES, or OTHER_STATUS.

    What the producer left out or got wrong is empty, or a UUID of zeros.
    """

    status: str

    @property
    def can_be_kept(self) -> bool:
        """Return whether the status is known and names a message by an id of usual length."""
        return self.status in STATUSES and 0 < len(self.message_id) <= MAX_STATUS_ID_LENGTH


# Steps that distinguish these classes end in `assert_never`, so that mypy reports each step that
# does not handle a new class.
AnyEvent: TypeAlias = MessageEvent | DeletionEvent | StatusEvent | WindowEvent | CloseEvent
