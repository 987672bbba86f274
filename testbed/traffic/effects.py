"""The effects of events, worked out from the events alone."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from testbed.traffic.events import (
    IN_PROGRESS,
    UNCLASSIFIED,
    Answer,
    Closing,
    Contact,
    ContactId,
    Invalid,
    JsonObject,
    Message,
    SentEvent,
    Window,
)

_MILLISECOND = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedVersion:
    """A version of a message as it was first sent, and the bounds of its time in the transcript.

    `correlation_ids` are those of all events that sent it, by their sequence numbers.
    """

    document: JsonObject
    earliest: datetime
    latest: datetime
    correlation_ids: dict[int, str]

    def is_repeated_by(self, document: JsonObject) -> bool:
        """Whether this is the same body, apart from its correlation id."""
        return _without_correlation_id(document) == _without_correlation_id(self.document)


@dataclass(slots=True, kw_only=True)
class ExpectedMessage:
    """A message with its versions in the order of sending."""

    message_id: str
    conversation: int | None
    versions: list[ExpectedVersion] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class ExpectedConversation:
    """A conversation of a contact whose events determine their conversations.

    `opened_by` is the message that opened it, if a message did. `closes_at` is the closing time of
    its project, if the conversation closes by time. `external_ids` are those of its windows, and
    `scores` those of its answers by key, both in the order of sending.
    """

    contact: Contact
    number: int
    opened_by: Message | None = None
    closing: Closing | None = None
    closes_at: datetime | None = None
    external_ids: list[str] = field(default_factory=list)
    contact_name: str = ""
    scores: dict[str, list[int | None]] = field(default_factory=dict)
    message_ids: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        return f"conversation {self.number} of {self.contact.urn}"

    @property
    def resolution(self) -> int:
        """The resolution, or IN_PROGRESS."""
        if self.closing:
            return self.closing.resolution
        return UNCLASSIFIED if self.closes_at else IN_PROGRESS

    @property
    def is_closed(self) -> bool:
        """Whether it is closed, so that its messages are in the archive."""
        return self.resolution != IN_PROGRESS

    def score(self, key: str) -> int | None:
        """Return the score of its newest answer with this key, None without one."""
        return self.scores[key][-1] if key in self.scores else None


@dataclass(slots=True, kw_only=True)
class ExpectedContact:
    """The events of a contact, its messages, and its conversations if events determine them."""

    contact: Contact
    events: list[SentEvent] = field(default_factory=list)
    messages: dict[str, ExpectedMessage] = field(default_factory=dict)
    conversations: dict[int, ExpectedConversation] = field(default_factory=dict)

    def conversation(self, number: int) -> ExpectedConversation:
        """Return the conversation with this number, which is added if it is new."""
        return self.conversations.setdefault(
            number, ExpectedConversation(contact=self.contact, number=number)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedAnswer:
    """A survey answer, its contact, and the place of its event."""

    contact: Contact
    group_id: str
    number: int
    sequence_number: int
    answer: Answer


@dataclass(slots=True, kw_only=True)
class Expected:
    """All effects that must be found. Any other effect is a defect."""

    contacts: dict[ContactId, ExpectedContact] = field(default_factory=dict)
    answers: dict[tuple[ContactId, str], ExpectedAnswer] = field(default_factory=dict)
    invalid: list[SentEvent] = field(default_factory=list)

    @property
    def conversations(self) -> list[ExpectedConversation]:
        """The conversations of all contacts."""
        return [each for one in self.contacts.values() for each in one.conversations.values()]


def expected_effects(
    sent: Iterable[SentEvent], *, closings: Mapping[str, datetime] | None = None
) -> Expected:
    """Return the effects of these events in this order.

    `closings` are the times, by the project's uuid, at which open conversations close.
    """
    expected = Expected()
    for one in sent:
        if isinstance(one.event.effect, Invalid):
            expected.invalid.append(one)
            continue
        contact = one.event.contact
        of_contact = expected.contacts.setdefault(contact.id, ExpectedContact(contact=contact))
        of_contact.events.append(one)
        match one.event.effect:
            case Message() as message:
                _add_message(of_contact, message, sent=one)
            case Answer() as answer:
                _add_answer(expected, of_contact, answer, sent=one)
            case Window(conversation=int(number)) | Closing(conversation=int(number)) as change:
                _change(of_contact.conversation(number), change)
    for conversation in expected.conversations:
        if not conversation.closing and closings:
            conversation.closes_at = closings.get(conversation.contact.project)
    return expected


def _add_message(of_contact: ExpectedContact, message: Message, *, sent: SentEvent) -> None:
    kept = of_contact.messages.setdefault(
        message.message_id,
        ExpectedMessage(message_id=message.message_id, conversation=message.conversation),
    )
    document = json.loads(sent.event.body, parse_float=Decimal)
    repeated = [version for version in kept.versions if version.is_repeated_by(document)]
    if not repeated:
        kept.versions.append(_version(document, message=message, sent=sent))
    for version in repeated:
        version.correlation_ids[sent.sequence_number] = document["correlation_id"]
    if message.conversation:
        conversation = of_contact.conversation(message.conversation)
        conversation.message_ids.add(message.message_id)
        if message.opens:
            conversation.opened_by = message


def _version(document: JsonObject, *, message: Message, sent: SentEvent) -> ExpectedVersion:
    if message.created_at:
        earliest = latest = datetime.fromisoformat(message.created_at)
    else:
        # The times of SQS are in whole milliseconds.
        began, latest = sent.sent_from, sent.sent_until
        earliest = began.replace(microsecond=began.microsecond // _MILLISECOND * _MILLISECOND)
    return ExpectedVersion(
        document=document,
        earliest=earliest,
        latest=latest,
        correlation_ids={sent.sequence_number: document["correlation_id"]},
    )


def _without_correlation_id(document: JsonObject) -> JsonObject:
    return {name: value for name, value in document.items() if name != "correlation_id"}


def _add_answer(
    expected: Expected, of_contact: ExpectedContact, answer: Answer, *, sent: SentEvent
) -> None:
    contact = of_contact.contact
    key = (contact.id, answer.message_id)
    if key in expected.answers:
        return
    expected.answers[key] = ExpectedAnswer(
        contact=contact,
        group_id=sent.event.group_id,
        number=sent.event.number,
        sequence_number=sent.sequence_number,
        answer=answer,
    )
    if answer.conversation:
        scores = of_contact.conversation(answer.conversation).scores
        scores.setdefault(answer.key, []).append(answer.score)


def _change(conversation: ExpectedConversation, change: Window | Closing) -> None:
    if isinstance(change, Closing):
        conversation.closing = change
    if change.external_id:
        conversation.external_ids.append(change.external_id)
    conversation.contact_name = change.contact_name or conversation.contact_name
