"""What the stores hold, as plain data."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a message. `created_at` is its time as text that sorts."""

    text: str
    created_at: str
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundMessage:
    """A message with its versions, the first one first."""

    message_id: str
    versions: list[Version]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundConversation:
    """A row of PostgreSQL with its archive, and what DynamoDB has of it.

    The archive is in the order in which it is kept.
    """

    uuid: str
    contact: tuple[str, str, str]
    opened_at: float
    started_at: str
    resolution: int
    external_id: str = ""
    has_chats_room: bool = False
    is_past_closing: bool = False
    csat: int | None = None
    nps: int | None = None
    message_count: int = 0
    is_archived: bool = False
    archive: list[FoundMessage] = field(default_factory=list)
    stored: list[FoundMessage] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAnswer:
    """A row of an answer; `number` grows with each that is recorded."""

    number: int
    contact: tuple[str, str, str]
    message_id: str
    sequence: int
    key: str
    value: str
    score: int | None
    conversation_uuid: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDeadLetter:
    """A dead letter, in its table or still on its queue."""

    body: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeEvent:
    """An event that the data lake was told. A repeat has the same id."""

    event_id: str
    contact_urn: str
    key: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """All of it.

    `left_on_queue`, `left_on_dead_letter_queue` and `left_in_outbox` are what still waits.
    `strays` are items of DynamoDB of conversations that PostgreSQL does not have.
    """

    conversations: list[FoundConversation]
    answers: list[FoundAnswer] = field(default_factory=list)
    dead_letters: list[FoundDeadLetter] = field(default_factory=list)
    lake: list[LakeEvent] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    left_on_queue: int = 0
    left_on_dead_letter_queue: int = 0
    left_in_outbox: int = 0
