"""What must be in the stores after these events were sent: worked out from the events alone."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from demo.events import (
    IN_PROGRESS,
    UNCLASSIFIED,
    Answered,
    Changed,
    ConversationName,
    JsonObject,
    PlannedEvent,
    Quarantined,
    Stored,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentEvent:
    """An event that SQS accepted: its id and sequence number, and when the call began and ended."""

    event: PlannedEvent
    message_id: str
    sequence_number: int
    sent_from: datetime
    sent_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedVersion:
    """A message as it was sent. Its time is exact, or that of sending where it carried none."""

    document: JsonObject
    earliest: datetime
    latest: datetime
    sequence_number: int

    @property
    def position(self) -> tuple[datetime, int]:
        """Its place in the transcript: by time, then in queue order."""
        return (self.earliest, self.sequence_number)


@dataclass(slots=True, kw_only=True)
class ExpectedConversation:
    """A conversation, and its messages by id, each with its versions.

    `closes_at` is its project's closing time, in UTC, if that is what closes it.
    """

    name: ConversationName
    resolution: int = IN_PROGRESS
    closes_at: datetime | None = None
    external_id: str | None = None
    contact_name: str | None = None
    scores: dict[str, int | None] = field(default_factory=dict)
    messages: dict[str, list[ExpectedVersion]] = field(default_factory=dict)

    @property
    def is_closed(self) -> bool:
        """Whether its messages must be in the archive."""
        return self.resolution != IN_PROGRESS

    @property
    def transcript(self) -> list[str]:
        """The message ids, oldest first."""
        first = {name: min(v.position for v in each) for name, each in self.messages.items()}
        return sorted(first, key=lambda name: first[name])


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedAnswer:
    """A survey answer and its conversation."""

    message_id: str
    effect: Answered


@dataclass(slots=True, kw_only=True)
class Expectations:
    """All that must be found, and nothing else may be."""

    conversations: dict[ConversationName, ExpectedConversation] = field(default_factory=dict)
    answers: dict[tuple[str, str, str, str], ExpectedAnswer] = field(default_factory=dict)
    quarantined: list[SentEvent] = field(default_factory=list)

    def conversation(self, name: ConversationName) -> ExpectedConversation:
        """The conversation of this name, added if it is new."""
        return self.conversations.setdefault(name, ExpectedConversation(name=name))


def expectations(sent: Iterable[SentEvent], *, closings: Mapping[str, datetime]) -> Expectations:
    """What these events, taken in this order, must leave behind.

    `closings` are the times, by a project's uuid, at which what no event has closed closes.
    """
    expected = Expectations()
    for one in sent:
        match one.event.effect:
            case Stored(conversation=name):
                _store(expected.conversation(name), one)
            case Answered() as answer:
                _answer(expected, answer, one)
            case Changed() as change:
                _change(expected.conversation(change.conversation), change)
            case Quarantined():
                expected.quarantined.append(one)
    for conversation in expected.conversations.values():
        closes_at = closings.get(conversation.name.project_uuid)
        if closes_at and not conversation.is_closed:
            conversation.closes_at = closes_at
            conversation.resolution = UNCLASSIFIED
    return expected


def _store(conversation: ExpectedConversation, sent: SentEvent) -> None:
    document = _document(sent)
    message = document["data"]["message"]
    created_at = message["created_at"] and datetime.fromisoformat(message["created_at"])
    versions = conversation.messages.setdefault(_message_id(message), [])
    if all(version.document != document for version in versions):
        versions.append(
            ExpectedVersion(
                document=document,
                earliest=created_at or sent.sent_from,
                latest=created_at or sent.sent_until,
                sequence_number=sent.sequence_number,
            )
        )


def _answer(expected: Expectations, answer: Answered, sent: SentEvent) -> None:
    name = answer.conversation
    message_id = _message_id(_document(sent)["data"]["message"])
    identity = (name.project_uuid, name.channel_uuid, name.contact_urn, message_id)
    if identity not in expected.answers:
        expected.answers[identity] = ExpectedAnswer(message_id=message_id, effect=answer)
        expected.conversation(name).scores[answer.key] = answer.score


def _change(conversation: ExpectedConversation, change: Changed) -> None:
    if change.resolution is not None:
        conversation.resolution = change.resolution
    conversation.external_id = change.external_id or conversation.external_id
    conversation.contact_name = change.contact_name or conversation.contact_name


def _document(sent: SentEvent) -> JsonObject:
    document: JsonObject = json.loads(sent.event.body, parse_float=Decimal)
    return document


def _message_id(message: JsonObject) -> str:
    return str(message.get("id") or message["message_id"])
