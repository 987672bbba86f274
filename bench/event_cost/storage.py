"""The storage work of an event, with the service's own functions, for the other subjects."""

from collections.abc import Sequence
from uuid import UUID

from apps.analytics.services import record_answer
from apps.common.clock import now
from apps.common.errors import InvalidEvent
from apps.conversations import selectors
from apps.conversations.attribution import IncomingMessage, find_or_open
from apps.messages import store
from apps.messages.entries import MessageEntry, id_for_key
from apps.messages.events import Arrival, MessageEvent
from apps.messages.reading import parse_event


def read(*, body: str, arrival: Arrival) -> MessageEvent:
    """Return the event. Raises InvalidEvent if it is neither a message nor an answer."""
    event = parse_event(body=body, arrival=arrival)
    if not isinstance(event, MessageEvent):
        raise InvalidEvent("not_in_benchmark", "the benchmark sends no such event")
    return event


def find_conversation(event: MessageEvent) -> UUID | None:
    """Find or open the conversation of a message, or find the conversation of an answer."""
    if event.answer:
        return selectors.answered_conversation(
            contact=event.contact, answered_at=event.arrival.sent_at
        )
    return find_conversations([event])[0]


def find_conversations(events: Sequence[MessageEvent]) -> list[UUID | None]:
    """Find or open the conversations of messages, with one statement."""
    messages = [
        IncomingMessage(
            contact=event.contact,
            at=event.at,
            sent_at=event.arrival.sent_at,
            from_contact=event.from_contact,
            contact_name=event.contact_name,
            group_id=event.arrival.group_id,
        )
        for event in events
    ]
    return [attribution.conversation_uuid for attribution in find_or_open(messages)]


def store_message(event: MessageEvent, conversation: UUID | None) -> None:
    """Store the message of an event with one write."""
    for uuid, entry in _stored(event, conversation):
        store.put(conversation_uuid=uuid, entry=entry, now=now())


def store_messages(events: Sequence[MessageEvent], conversations: Sequence[UUID | None]) -> None:
    """Store the messages of events with one write for up to 25 messages."""
    found = [
        one
        for event, conversation in zip(events, conversations, strict=True)
        for one in _stored(event, conversation)
    ]
    store.put_all(entries=found, now=now())


def store_answer(event: MessageEvent, conversation: UUID | None) -> None:
    """Record the survey answer of an event, if it has one."""
    if event.answer:
        record_answer(
            contact=event.contact,
            message_id=id_for_key(event.message_id),
            conversation_uuid=conversation,
            key=event.answer.key,
            value=event.answer.value,
            score=event.answer.score,
            answered_at=event.at,
            sent_at=event.arrival.sent_at,
            sequence_number=event.arrival.sequence_number,
            correlation_id=event.correlation_id,
            now=now(),
        )


def _stored(event: MessageEvent, conversation: UUID | None) -> list[tuple[UUID, MessageEntry]]:
    return [(conversation, event.entry)] if conversation and event.entry else []
