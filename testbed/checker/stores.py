"""What the stores hold, as plain data."""

from dataclasses import dataclass, field
from datetime import datetime

from testbed.traffic.events import ContactId, JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundVersion:
    """A version of a message, put back into the form of the event that brought it.

    `created_at` is its time in the transcript, as text that sorts.
    """

    document: JsonObject
    created_at: str
    sequence_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundMessage:
    """A message with its versions, in the order in which they are kept."""

    message_id: str
    versions: list[FoundVersion]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundConversation:
    """A row of PostgreSQL with its archive, and what DynamoDB has of it.

    The archive is in the order in which it is kept.
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
        """Whether it ended at its closing time: what an event closes ends before."""
        return self.ended_at is not None and self.ended_at >= self.closes_at


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAnswer:
    """A row of an answer with its row in the outbox, if there is one.

    `number` grows with each answer that is recorded.
    """

    number: int
    contact: ContactId
    message_id: str
    sequence_number: int
    key: str
    value: str
    score: int | None
    conversation_uuid: str | None
    event_id: str | None
    is_delivered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDeadLetter:
    """A dead letter, in its table or still on its queue.

    `source_message_id` is the id of its event. `fields` are what the worker says of it.
    """

    body: str
    source_message_id: str
    fields: dict[str, str]

    @property
    def reason(self) -> str:
        """Why the worker gave the event up; SQS itself moves those that it delivered too often."""
        return self.fields.get("reason") or "moved by SQS"


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeEvent:
    """An event in the data lake. A repeat has the same id."""

    event_id: str
    project: str
    contact_urn: str
    key: str
    value: str
    conversation_uuid: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """All of it.

    `left_on_queue`, `left_on_dead_letter_queue` and `left_in_outbox` are what still waits.
    `strays` are items of DynamoDB of conversations that PostgreSQL does not have.
    """

    conversations: list[FoundConversation] = field(default_factory=list)
    answers: list[FoundAnswer] = field(default_factory=list)
    dead_letters: list[FoundDeadLetter] = field(default_factory=list)
    lake: list[LakeEvent] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    left_on_queue: int = 0
    left_on_dead_letter_queue: int = 0
    left_in_outbox: int = 0
