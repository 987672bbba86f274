"""The content of the stores, as plain data."""

from dataclasses import dataclass, field
from datetime import datetime

from testbed.traffic.effects import MessageId
from testbed.traffic.events import ContactId, JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundVersion:
    """A version of a message.

    `document` is the event that sent it, rebuilt from the store. `created_at` is its time in the
    transcript, as text that sorts.
    """

    document: JsonObject
    created_at: str
    sequence_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundMessage:
    """A message with its versions in their stored order."""

    message_id: str
    versions: list[FoundVersion]

    @property
    def id(self) -> MessageId:
        """The direction and the id, which identify it in its conversation."""
        return self.versions[0].document["event_type"], self.message_id


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundConversation:
    """A conversation: its row, its archive in the stored order, and its other messages in DynamoDB.

    `stored` are the versions in DynamoDB whose places no part of the archive has merged.
    """

    uuid: str
    contact: ContactId
    started_at: str
    closes_at: datetime
    resolution: int
    ended_at: datetime | None = None
    contact_name: str = ""
    external_id: str = ""
    has_chats_room: bool = False
    is_past_closing: bool = False
    csat: int | None = None
    nps: int | None = None
    message_count: int = 0
    is_archived: bool = False
    archive: list[FoundMessage] = field(default_factory=list)
    stored: list[FoundMessage] = field(default_factory=list)

    @property
    def is_closed_by_time(self) -> bool:
        """Whether it ended at its closing time or later; an event closes it earlier."""
        return self.ended_at is not None and self.ended_at >= self.closes_at


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAnswer:
    """An answer with its row in the outbox, if any.

    `number` grows with each recorded answer.
    """

    number: int
    contact: ContactId
    message_id: str
    sequence_number: int
    key: str
    value: str
    score: int | None
    has_problem: bool = False
    conversation_uuid: str | None
    event_id: str | None
    is_delivered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDeadLetter:
    """A dead letter, in its table or still on its queue.

    `source_message_id` is the message id of its event, or of the redrive that failed again.
    `fields` are those of the worker, with the parts of the place. A letter that `is_redriven` was
    sent to the queue again.
    """

    body: str
    source_message_id: str
    fields: dict[str, str]
    is_redriven: bool = False

    @property
    def reason(self) -> str:
        """The reason of the quarantine, or that SQS itself has moved the message."""
        return self.fields.get("reason") or "moved by SQS"


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeEvent:
    """An event in the data lake. A repetition has the same id."""

    event_id: str
    project: str
    contact_urn: str
    key: str
    value: str
    conversation_uuid: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """The content of all stores.

    `left_on_queue`, `left_on_dead_letter_queue` and `left_in_outbox` count what still waits.
    `strays` are items of DynamoDB whose conversation is not in PostgreSQL.
    """

    conversations: list[FoundConversation] = field(default_factory=list)
    answers: list[FoundAnswer] = field(default_factory=list)
    dead_letters: list[FoundDeadLetter] = field(default_factory=list)
    lake: list[LakeEvent] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    left_on_queue: int = 0
    left_on_dead_letter_queue: int = 0
    left_in_outbox: int = 0
