"""What was found in the stores, in plain form."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from demo.events import JsonObject
from demo.figures import ProjectFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundVersion:
    """A version of a message, put back into the form of the event that brought it."""

    document: JsonObject
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundMessage:
    """A message with its versions, in the order in which they are kept."""

    message_id: str
    versions: list[FoundVersion]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundConversation:
    """A row of Conversation, its archive in order, and what DynamoDB has of it."""

    uuid: str
    project_uuid: str
    channel_uuid: str
    contact_urn: str
    contact_name: str
    external_id: str
    opened_at: datetime
    closes_at: datetime
    ended_at: datetime | None
    resolution: int
    csat: int | None
    nps: int | None
    message_count: int
    archive: list[FoundMessage]
    in_progress: list[FoundMessage]

    @property
    def contact(self) -> tuple[str, str, str]:
        """Project, channel and urn."""
        return (self.project_uuid, self.channel_uuid, self.contact_urn)

    @property
    def is_closed_by_time(self) -> bool:
        """Whether it ended at its closing time: what an event closes ends before."""
        return self.ended_at is not None and self.ended_at >= self.closes_at


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAnswer:
    """A row of SurveyAnswer with its row in the outbox, if there is one."""

    project_uuid: str
    channel_uuid: str
    contact_urn: str
    message_id: str
    key: str
    value: str
    score: int | None
    conversation_uuid: str | None
    event_id: str | None
    is_delivered: bool

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """What makes it one answer."""
        return (self.project_uuid, self.channel_uuid, self.contact_urn, self.message_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDeadLetter:
    """A message of the dead-letter queue; `told` are its attributes that are text."""

    body: str
    told: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything that is in the stores, and the service's own figures of it, by project.

    `strays` are DynamoDB items of no known conversation.
    """

    conversations: list[FoundConversation] = field(default_factory=list)
    answers: list[FoundAnswer] = field(default_factory=list)
    dead_letters: list[FoundDeadLetter] = field(default_factory=list)
    lake: list[dict[str, Any]] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    figures: dict[str, ProjectFigures] = field(default_factory=dict)

    def conversations_by_contact(self) -> dict[tuple[str, str, str], list[FoundConversation]]:
        """The conversations of each contact, as they followed each other."""
        by_contact = defaultdict(list)
        for conversation in sorted(self.conversations, key=lambda each: each.opened_at):
            by_contact[conversation.contact].append(conversation)
        return dict(by_contact)
