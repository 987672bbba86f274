"""What the steps of the chain do with events, one service call each."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from apps.analytics.services import record_answer
from apps.common.clock import now
from apps.conversations import selectors, services
from apps.conversations.attribution import Attribution, IncomingMessage, find_or_open
from apps.conversations.erasing import ContactErased
from apps.conversations.models import Resolution
from apps.messages import store
from apps.messages.entries import MessageEntry, id_for_key
from apps.messages.events import (
    Arrival,
    CloseEvent,
    MessageEvent,
    SurveyAnswer,
    WindowEvent,
    parse_event,
)
from celery_sqs_fifo.running.batch import QueuedEvent, Work
from observability.metrics import counters
from tasks.closing import migrate_on_close

logger = logging.getLogger(__name__)

CLOSING_EVENTS = frozenset({"conversation.close", "conversation.window"})


@dataclass(slots=True, kw_only=True)
class Progress:
    """What the steps of one event hand on.

    `conversation_uuid` is where its message goes or what its window updates, `to_migrate` the
    closed conversations whose messages have to move into the archive, `answered` the conversation
    of its survey answer.
    """

    event: MessageEvent | WindowEvent | CloseEvent
    conversation_uuid: UUID | None = None
    to_migrate: Sequence[UUID] = ()
    answered: UUID | None = None

    @property
    def event_type(self) -> str:
        """The `event_type` of its JSON."""
        match self.event:
            case MessageEvent(from_contact=True):
                return "message.received"
            case MessageEvent():
                return "message.sent"
            case WindowEvent():
                return "conversation.window"
            case CloseEvent():
                return "conversation.close"

    @property
    def about(self) -> UUID | None:
        """The conversation that the event is about, once that is known."""
        only_closed = self.to_migrate[0] if len(self.to_migrate) == 1 else None
        return self.conversation_uuid or self.answered or only_closed


def is_barrier(document: Any) -> bool:
    """Whether an event's JSON may close a conversation."""
    event_type = document.get("event_type") if isinstance(document, dict) else None
    return isinstance(event_type, str) and event_type in CLOSING_EVENTS


def goes_alone(document: Any) -> bool:
    """Whether an event's JSON may bring a survey answer.

    Its conversation depends on whether the contact has written before it. Run again, it must not
    see that a later message of its bundle was written.
    """
    if not isinstance(document, dict):
        return False
    data = document.get("data")
    places = (document, data) if isinstance(data, dict) else (document,)
    return any(place.get("key") not in (None, "") for place in places)


def read(work: Work) -> None:
    """Read an event. Raises InvalidEvent."""
    event = parse_event(body=work.event.body, arrival=_arrival(work.event))
    work.state = Progress(event=event)


def attribute_all(works: Sequence[Work]) -> None:
    """Find or open the conversations of plain messages. Raises TypeError if there are others."""
    messages = [_incoming(_plain_message(work)) for work in works]
    for work, attribution in zip(works, find_or_open(messages), strict=True):
        _place(work, attribution)


def attribute(work: Work) -> None:
    """Find, open, update or close the conversation of an event."""
    progress: Progress = work.state
    match progress.event:
        case MessageEvent() as event:
            _attribute_message(work, event)
        case WindowEvent(has_chats_room=True) as event:
            progress.to_migrate = _close(event, resolution=Resolution.HAS_CHAT_ROOM)
        case WindowEvent() as event:
            _apply_window(work, event)
        case CloseEvent() as event:
            progress.to_migrate = _close(event, resolution=event.resolution)


def store_all(works: Sequence[Work]) -> None:
    """Store the messages of a bundle."""
    entries = [entry for work in works if (entry := _entry_of(work))]
    counters.metrics().stored.inc(store.put_all(entries=entries, now=now()))


def store_one(work: Work) -> None:
    """Store the message of an event, if it brings one."""
    entry = _entry_of(work)
    if entry:
        is_new = store.put(conversation_uuid=entry[0], entry=entry[1], now=now())
        counters.stored(is_new=is_new)


def migrate_closed(work: Work) -> None:
    """Move the messages of conversations that this event closed, or was late for."""
    for conversation_uuid in work.state.to_migrate:
        migrate_on_close.run_in_this_delivery(str(conversation_uuid))


def record(work: Work) -> None:
    """Record the survey answer of an event, if it brings one."""
    event = work.state.event
    answer = answer_of(work)
    if not answer:
        return
    try:
        is_new = record_answer(
            contact=event.contact,
            message_id=id_for_key(event.message_id),
            conversation_uuid=work.state.answered,
            key=answer.key,
            value=answer.value,
            score=answer.score,
            answered_at=event.at,
            sent_at=event.arrival.sent_at,
            sequence_number=event.arrival.sequence_number,
            correlation_id=event.correlation_id,
            now=now(),
        )
    except ContactErased:
        _log_erased(work)
    else:
        if not is_new:
            counters.metrics().duplicates.labels("answer").inc()


def answer_of(work: Work) -> SurveyAnswer | None:
    """The survey answer that an event brings, if any."""
    event = work.state.event
    return event.answer if isinstance(event, MessageEvent) else None


def _attribute_message(work: Work, event: MessageEvent) -> None:
    if event.entry:
        (attribution,) = find_or_open([_incoming(event)])
        _place(work, attribution)
    if event.answer:
        # After the message of its own event has its place: a rerun would find it there, too.
        work.state.answered = selectors.answered_conversation(
            contact=event.contact, answered_at=event.arrival.sent_at
        )


def _apply_window(work: Work, event: WindowEvent) -> None:
    try:
        attribution = services.update_or_open(
            contact=event.contact,
            window=event.window,
            sent_at=event.arrival.sent_at,
            group_id=event.arrival.group_id,
        )
    except ContactErased:
        _log_erased(work)
    else:
        if attribution:
            counters.attributed(attribution)
            work.state.conversation_uuid = attribution.conversation_uuid


def _place(work: Work, attribution: Attribution) -> None:
    """A message of an erased contact gets no place, and so is not stored."""
    counters.attributed(attribution)
    uuid = attribution.conversation_uuid
    if uuid is None:
        _log_erased(work)
    work.state.conversation_uuid = uuid
    work.state.to_migrate = [uuid] if attribution.late else []


def _log_erased(work: Work) -> None:
    logger.info("an event of an erased contact", extra={"message_id": work.event.message_id})


def _close(event: WindowEvent | CloseEvent, *, resolution: Resolution) -> list[UUID]:
    takeover = event.window if isinstance(event, WindowEvent) else None
    closed = services.close(
        contact=event.contact,
        resolution=resolution,
        sent_at=event.arrival.sent_at,
        takeover=takeover,
        now=now(),
    )
    if closed.closed:
        counters.metrics().closed.labels("takeover" if takeover else "event").inc()
    return closed.to_migrate


def _incoming(event: MessageEvent) -> IncomingMessage:
    return IncomingMessage(
        contact=event.contact,
        at=event.at,
        sent_at=event.arrival.sent_at,
        from_contact=event.from_contact,
        contact_name=event.contact_name,
        group_id=event.arrival.group_id,
    )


def _plain_message(work: Work) -> MessageEvent:
    """An event that brings a message and nothing else, as all that share a bundle do."""
    event = work.state.event
    if not isinstance(event, MessageEvent) or not event.entry or event.answer:
        raise TypeError("an event that has to go alone is in a bundle")
    return event


def _entry_of(work: Work) -> tuple[UUID, MessageEntry] | None:
    progress: Progress = work.state
    entry = progress.event.entry if isinstance(progress.event, MessageEvent) else None
    if entry and progress.conversation_uuid:
        return progress.conversation_uuid, entry
    return None


def _arrival(event: QueuedEvent) -> Arrival:
    return Arrival(
        group_id=event.group_id,
        sent_at=datetime.fromtimestamp(event.sent_at / 1000, UTC),
        sequence_number=event.sequence_number,
    )
