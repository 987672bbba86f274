"""What the generator publishes, and what each event must leave in the stores.

Plain data: the checker reads it beside the stores, and neither knows the service's code.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

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
    trait: Trait = Trait.PLAIN

    @property
    def name(self) -> tuple[str, str, str]:
        """What tells it from other contacts in the stores."""
        return self.project, self.channel, self.urn

    @property
    def is_certain(self) -> bool:
        """Whether the events alone say to which of its conversations each belongs."""
        return self.trait in (Trait.PLAIN, Trait.HOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """This version of the message is in the contact's `conversation`-th conversation, once.

    Conversations count from 1; None where the events alone do not say which it is. `opens` says
    that it is the first event of its conversation.
    """

    message_id: str
    version: int
    created_at: str
    conversation: int | None
    opens: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The conversation has this external id, unless a later window of it brings another one."""

    external_id: str
    conversation: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The conversation is closed with this resolution, and archived."""

    conversation: int | None
    resolution: int
    external_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer is recorded once, for this conversation (0: none), and the lake is told of it."""

    message_id: str
    key: str
    value: str
    score: int | None
    conversation: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Poison:
    """The event is in the dead letters, once, with this reason, and has no other effect."""

    token: str
    reason: str


Effect = Message | Window | Closing | Answer | Poison


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedEvent:
    """An event for the queue. `at` is in seconds from the beginning of the run.

    The events of a group are sent in the order of their `number`.
    """

    number: int
    at: float
    contact: Contact
    group_id: str
    body: str
    effect: Effect


def sortable(at: datetime) -> str:
    """A time as the stores write it: UTC, with microseconds, so that text sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
