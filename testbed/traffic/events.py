"""An event of generated traffic, the contact it belongs to, and the effect that it must have.

Plain data: the checker reads it beside the stores, and neither knows the service's code.
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
    """What is special about a contact.

    HOT has a large part of all traffic. SPLIT is written about by two producers with different
    group ids, whose order nobody promises. TIMED is of a project whose closing time falls into the
    run, so that only the service knows which message was the last before it.
    """

    PLAIN = "plain"
    HOT = "hot"
    SPLIT = "split"
    TIMED = "timed"


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
        """What identifies it in the stores."""
        return self.project, self.channel, self.urn

    @property
    def group_id(self) -> str:
        """The message group of its events."""
        return ":".join(self.id)

    @property
    def is_certain(self) -> bool:
        """Whether the events alone say to which of its conversations each belongs."""
        return self.trait in (Trait.PLAIN, Trait.HOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The message is in the contact's `conversation`-th conversation, once.

    A different body with the same message id is an edit, and kept with it. `created_at` is the
    time at which it stands there, as `sortable` writes it; None: the time of its sending.
    Conversations count from 1; None where the events alone do not say which it is. `opens` says
    that it is the first event of its conversation.
    """

    message_id: str
    created_at: str | None
    conversation: int | None
    opens: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The conversation has this external id and contact name, unless a later window changes it."""

    external_id: str
    conversation: int | None
    contact_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The conversation is closed with this resolution, and archived.

    The external id and the contact's name are those of the window by which a human took over.
    """

    conversation: int | None
    resolution: int
    external_id: str = ""
    contact_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer is recorded once, for this conversation (0: none), and sent to the data lake."""

    message_id: str
    key: str
    value: str
    score: int | None
    conversation: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invalid:
    """The event is in the dead letters, once, with this reason, and has no other effect.

    An empty reason stands for any.
    """

    reason: str


Effect = Message | Window | Closing | Answer | Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedEvent:
    """An event for the queue. `at` is when to send it, in seconds from the beginning.

    The events of a group are sent in the order of their `number`. `attributes` are the message
    attributes that are text.
    """

    number: int
    at: float
    contact: Contact
    group_id: str
    deduplication_id: str
    body: str
    effect: Effect
    attributes: Mapping[str, str] = field(default_factory=dict)

    def as_batch_entry(self, *, entry_id: str) -> "SendMessageBatchRequestEntryTypeDef":
        """Return the event as an entry of SendMessageBatch."""
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
    """An event that SQS accepted: its id and sequence number there, and when it was sent.

    `sent_from` is when the first call that carried it began, `sent_until` when the last one ended.
    """

    event: PlannedEvent
    message_id: str
    sequence_number: int
    sent_from: datetime
    sent_until: datetime


def sortable(at: datetime) -> str:
    """Return a time as the stores write it: in UTC, to the microsecond, so that text sorts."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
