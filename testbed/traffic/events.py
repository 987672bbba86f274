"""The events of generated traffic, with their contacts and the effects that they must have.

This is plain data, independent of the service's code, which the checker compares with the stores.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

JsonObject = dict[str, Any]
ContactId = tuple[str, str, str]

RESOLVED, UNRESOLVED, IN_PROGRESS, UNCLASSIFIED, HAS_CHAT_ROOM = range(5)


class Trait(StrEnum):
    """The trait of a contact.

    HOT has a large share of the traffic. SPLIT has events of two producers with different group
    ids, between which there is no order. TIMED is of a project whose closing time is within the
    run, so that only the service knows which message was the last before it. NEW has one event, so
    that nothing waits in its group before it. WEB has message ids that begin anew with each
    conversation. REDRIVEN has events that are dead letters at first. REOPENED has a
    closed conversation that an operator reopens, and no other events until then.
    """

    PLAIN = "plain"
    HOT = "hot"
    SPLIT = "split"
    TIMED = "timed"
    NEW = "new"
    WEB = "web"
    REDRIVEN = "redriven"
    REOPENED = "reopened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A contact of a project on a channel."""

    project: str
    channel: str
    urn: str
    name: str = "Ana"
    trait: Trait = Trait.PLAIN

    @property
    def id(self) -> ContactId:
        """The identity of the contact in the stores."""
        return self.project, self.channel, self.urn

    @property
    def group_id(self) -> str:
        """The message group of the contact's events."""
        return ":".join(self.id)

    @property
    def is_certain(self) -> bool:
        """Whether the events alone determine their conversations."""
        return self.trait not in (Trait.SPLIT, Trait.TIMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The effect of a message: it is in its conversation, once.

    Conversations are numbered from 1; None means that the events do not determine it. In one
    conversation, another body with the same direction and message id is a version of the message.
    `created_at` is its time in the transcript, in the form of `sortable`; None stands for the time
    of sending. `opens` is true if the message must have opened its conversation. If the message
    comes `after_reopening`, an operator has reopened its conversation, which was closed.
    """

    message_id: str
    created_at: str | None
    conversation: int | None
    opens: bool = False
    after_reopening: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The effect of a window: the conversation has its external id and contact name."""

    external_id: str
    conversation: int | None
    contact_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The effect of a close or a takeover: the conversation is closed and archived.

    A takeover is a window, and has an external id and a contact name. It may be of a conversation
    that was closed before, whose resolution it replaces.
    """

    conversation: int | None
    resolution: int
    external_id: str = ""
    contact_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The effect of an answer: it is recorded once with this value, and sent to the data lake.

    `conversation` 0 stands for none. If the answer is `unscorable`, it has no score although its
    key has scores: it is recorded, and neither counts nor goes to the data lake.
    """

    message_id: str
    key: str
    value: str
    score: int | None
    conversation: int | None
    unscorable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Invalid:
    """The effect of an invalid event: it is a dead letter, once, with this reason.

    An empty reason stands for any.
    """

    reason: str


Effect = Message | Window | Closing | Answer | Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedEvent:
    """An event to send `at` seconds after the beginning.

    The events of a group are sent in the order of their `number`. `attributes` are message
    attributes of type String. `kind` names the kind of event in reports. If the event
    `is_redriven`, it becomes a dead letter before the service starts, and an operator redrives it.
    """

    number: int
    at: float
    contact: Contact
    group_id: str
    deduplication_id: str
    body: str
    effect: Effect
    attributes: Mapping[str, str] = field(default_factory=dict)
    kind: str = "sample"
    is_redriven: bool = False

    @property
    def name(self) -> str:
        """The kind, and whether the event is redriven."""
        return f"redriven {self.kind}" if self.is_redriven else self.kind

    def as_batch_entry(self, *, entry_id: str) -> "SendMessageBatchRequestEntryTypeDef":
        """Return the event's entry for SendMessageBatch."""
        return {
            "Id": entry_id,
            "MessageBody": self.body,
            "MessageGroupId": self.group_id,
            "MessageDeduplicationId": self.deduplication_id,
            "MessageAttributes": {
                name: {"StringValue": value, "DataType": "String"}
                for name, value in self.attributes.items()
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SentEvent:
    """An event that SQS has accepted, with its message id and sequence number.

    `sent_from` is the beginning of the first call with the event, `sent_until` the end of the last.
    """

    event: PlannedEvent
    message_id: str
    sequence_number: int
    sent_from: datetime
    sent_until: datetime


def sortable(at: datetime) -> str:
    """Return a time as the stores write it: text in UTC with microseconds, which sorts."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
