"""The effects of events, worked out from the events alone."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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

# The direction and id of a message in JSON. In one conversation, they identify a message.
MessageId = tuple[str, str]
# The clocks of SQS differ by up to this time in runs of the chaos tests.
MAX_SECONDS_APART = 0.04
_MILLISECOND = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedVersion:
    """A version of a message as it was first sent, and the bounds of its time in the transcript.

    `sequence_numbers` are those of all events that sent it.
    """

    document: JsonObject
    earliest: datetime
    latest: datetime
    sequence_numbers: list[int]


@dataclass(slots=True, kw_only=True)
class ExpectedMessage:
    """A message with its versions in the order of sending."""

    id: MessageId
    conversation: int | None
    versions: list[ExpectedVersion] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedClosing:
    """A closing as figures count it: its resolution, and what the contact had done before it."""

    resolution: int
    contact_wrote: bool
    is_answered: bool


@dataclass(slots=True, kw_only=True)
class ExpectedConversation:
    """A conversation of a contact whose events determine their conversations.

    `opened_by` is the message that opened it, if a message did. `closes_at` is the closing time of
    its project, if the conversation closes by time. `contact_wrote` is false if only the platform
    wrote. `external_ids` are those of its windows, and `scores` those of its answers by key, both
    in the order of sending. `earlier_closings` are those that a reopening has undone.
    """

    contact: Contact
    number: int
    opened_by: Message | None = None
    closing: Closing | None = None
    closes_at: datetime | None = None
    contact_wrote: bool = False
    external_ids: list[str] = field(default_factory=list)
    contact_name: str = ""
    scores: dict[str, list[int | None]] = field(default_factory=dict)
    earlier_closings: list[ExpectedClosing] = field(default_factory=list)
    message_ids: set[MessageId] = field(default_factory=set)

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

    @property
    def closings(self) -> list[ExpectedClosing]:
        """Each time that it closed. Figures count them all."""
        return [*self.earlier_closings, *([self._closing_now] if self.is_closed else [])]

    @property
    def _closing_now(self) -> ExpectedClosing:
        return ExpectedClosing(
            resolution=self.resolution,
            contact_wrote=self.contact_wrote,
            is_answered=bool({"weni_csat", "weni_nps"} & self.scores.keys()),
        )

    def reopen(self) -> None:
        """Undo its closing, which stays in the figures of its day."""
        self.earlier_closings.append(self._closing_now)
        self.closing = None

    def score(self, key: str) -> int | None:
        """Return the score of its newest answer with this key, None without one."""
        return self.scores[key][-1] if key in self.scores else None


@dataclass(slots=True, kw_only=True)
class ExpectedContact:
    """The events of a contact, its messages, and its conversations if events determine them."""

    contact: Contact
    events: list[SentEvent] = field(default_factory=list)
    messages: dict[tuple[int | None, MessageId], ExpectedMessage] = field(default_factory=dict)
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
    is_redriven: bool


@dataclass(slots=True, kw_only=True)
class Expected:
    """All effects that must be found. Any other effect is a defect.

    No two answers are the same, because no producer sends an answer again.
    """

    contacts: dict[ContactId, ExpectedContact] = field(default_factory=dict)
    answers: list[ExpectedAnswer] = field(default_factory=list)
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


def message_id_of(document: JsonObject) -> MessageId:
    """Return the direction and the id of the message in an event."""
    message = document["data"]["message"]
    return document["event_type"], message.get("id") or message["message_id"]


def _add_message(of_contact: ExpectedContact, message: Message, *, sent: SentEvent) -> None:
    document = json.loads(sent.event.body, parse_float=Decimal)
    message_id = message_id_of(document)
    kept = of_contact.messages.setdefault(
        (message.conversation, message_id),
        ExpectedMessage(id=message_id, conversation=message.conversation),
    )
    repeated = [version for version in kept.versions if version.document == document]
    if not repeated:
        kept.versions.append(_version(document, message=message, sent=sent))
    for version in repeated:
        version.sequence_numbers.append(sent.sequence_number)
    if message.conversation:
        conversation = of_contact.conversation(message.conversation)
        if message.after_reopening:
            conversation.reopen()
        conversation.message_ids.add(message_id)
        conversation.contact_wrote |= _type_of(document, sent) == "message.received"
        if message.opens:
            conversation.opened_by = message


def time_on_queue(sent: SentEvent) -> tuple[datetime, datetime]:
    """Return the bounds of an event's time on the queue, which is in whole milliseconds."""
    began = sent.sent_from - timedelta(seconds=MAX_SECONDS_APART)
    earliest = began.replace(microsecond=began.microsecond // _MILLISECOND * _MILLISECOND)
    return earliest, sent.sent_until


def _version(document: JsonObject, *, message: Message, sent: SentEvent) -> ExpectedVersion:
    if message.created_at:
        earliest = latest = datetime.fromisoformat(message.created_at)
    else:
        earliest, latest = time_on_queue(sent)
    return ExpectedVersion(
        document=document,
        earliest=earliest,
        latest=latest,
        sequence_numbers=[sent.sequence_number],
    )


def _add_answer(
    expected: Expected, of_contact: ExpectedContact, answer: Answer, *, sent: SentEvent
) -> None:
    expected.answers.append(
        ExpectedAnswer(
            contact=of_contact.contact,
            group_id=sent.event.group_id,
            number=sent.event.number,
            sequence_number=sent.sequence_number,
            answer=answer,
            is_redriven=sent.event.is_redriven,
        )
    )
    if not answer.conversation:
        return
    conversation = of_contact.conversation(answer.conversation)
    document = json.loads(sent.event.body)
    if _type_of(document, sent) == "message.received" and _text_of(document):
        conversation.contact_wrote = True
    if not answer.unscorable:
        conversation.scores.setdefault(answer.key, []).append(answer.score)


def _type_of(document: JsonObject, sent: SentEvent) -> str:
    return str(document.get("event_type") or sent.event.attributes.get("event_type", ""))


def _text_of(document: JsonObject) -> str:
    return str(document.get("data", {}).get("message", {}).get("text") or "")


def _change(conversation: ExpectedConversation, change: Window | Closing) -> None:
    if isinstance(change, Closing):
        conversation.closing = change
    if change.external_id:
        conversation.external_ids.append(change.external_id)
    conversation.contact_name = change.contact_name or conversation.contact_name
