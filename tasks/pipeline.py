"""The chain that every event runs through: process_message, persist_dynamo, handle_csat."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from celery import chain, shared_task
from django.db import close_old_connections

from apps.analytics.services import record_answer
from apps.clock import now
from apps.conversations import selectors, services
from apps.conversations.models import Resolution
from apps.messages import store
from apps.messages.entries import id_for_key
from apps.messages.events import (
    Arrival,
    CloseEvent,
    MessageEvent,
    WindowEvent,
    parse_event,
)
from apps.messages.migration import migrate
from tasks.base import StepTask, outcome_of
from tasks.datalake import nudge
from tasks.sqs_fifo.chain import QueuedEvent, Work, each

CLOSING_EVENTS = frozenset({"conversation.close", "conversation.window"})


@dataclass(slots=True, kw_only=True)
class Progress:
    """What the steps of one event hand on.

    `conversation_uuid` is where its message goes, `to_migrate` the closed conversations whose
    messages have to move into the archive, `answered` the conversation of its survey answer.
    """

    event: MessageEvent | WindowEvent | CloseEvent
    conversation_uuid: UUID | None = None
    to_migrate: tuple[UUID, ...] = ()
    answered: UUID | None = None


def is_barrier(document: Any) -> bool:
    """Whether an event's JSON may close a conversation."""
    return isinstance(document, dict) and document.get("event_type") in CLOSING_EVENTS


@shared_task(base=StepTask)
def process_message(works: list[Work]) -> None:
    """Read the events, and find, open or close their conversations."""
    close_old_connections()
    each(works, _process, outcome_of=outcome_of)


@shared_task(base=StepTask)
def persist_dynamo(works: list[Work]) -> None:
    """Keep the messages in DynamoDB, and move those of closed conversations to the archive."""
    each(works, _persist, outcome_of=outcome_of)


@shared_task(base=StepTask)
def handle_csat(works: list[Work]) -> None:
    """Record survey answers, and have the data lake told."""
    each(works, _record_answer, outcome_of=outcome_of)
    if any(work.outcome is None and _answer_of(work) for work in works):
        nudge()


EVENT_CHAIN = chain(process_message.s(), persist_dynamo.s(), handle_csat.s())


def _process(work: Work) -> None:
    event = parse_event(body=work.event.body, arrival=_arrival(work.event))
    match event:
        case MessageEvent():
            work.state = _process_message(event)
        case WindowEvent(has_chats_room=True):
            work.state = _close(event, resolution=Resolution.HAS_CHAT_ROOM)
        case WindowEvent():
            services.update_or_open(
                contact=event.contact,
                window=event.window,
                sent_at=event.arrival.sent_at,
                group_id=event.arrival.group_id,
            )
            work.state = Progress(event=event)
        case CloseEvent():
            work.state = _close(event, resolution=event.resolution)


def _process_message(event: MessageEvent) -> Progress:
    progress = Progress(event=event)
    if event.answer:
        progress.answered = selectors.answered_conversation(
            contact=event.contact, answered_at=event.arrival.sent_at
        )
    if event.entry:
        attribution = services.find_or_open(
            contact=event.contact,
            at=event.at,
            sent_at=event.arrival.sent_at,
            from_contact=event.from_contact,
            contact_name=event.contact_name,
            group_id=event.arrival.group_id,
        )
        progress.conversation_uuid = attribution.conversation_uuid
        progress.to_migrate = (attribution.conversation_uuid,) if attribution.late else ()
    return progress


def _close(event: WindowEvent | CloseEvent, *, resolution: Resolution) -> Progress:
    closed = services.close(
        contact=event.contact,
        resolution=resolution,
        sent_at=event.arrival.sent_at,
        takeover=event.window if isinstance(event, WindowEvent) else None,
    )
    return Progress(event=event, to_migrate=tuple(closed))


def _persist(work: Work) -> None:
    progress: Progress = work.state
    event = progress.event
    if isinstance(event, MessageEvent) and event.entry and progress.conversation_uuid:
        store.put(conversation_uuid=progress.conversation_uuid, entry=event.entry, now=now())
    for conversation_uuid in progress.to_migrate:
        migrate(conversation_uuid=conversation_uuid, now=now())


def _record_answer(work: Work) -> None:
    event = work.state.event
    answer = _answer_of(work)
    if answer:
        record_answer(
            contact=event.contact,
            message_id=id_for_key(event.message_id),
            conversation_uuid=work.state.answered,
            key=answer.key,
            value=answer.value,
            score=answer.score,
            answered_at=event.at,
            sequence_number=event.arrival.sequence_number,
            correlation_id=event.correlation_id,
            now=now(),
        )


def _answer_of(work: Work) -> Any:
    event = work.state.event
    return event.answer if isinstance(event, MessageEvent) else None


def _arrival(event: QueuedEvent) -> Arrival:
    return Arrival(
        group_id=event.group_id,
        sent_at=datetime.fromtimestamp(event.sent_at / 1000, UTC),
        sequence_number=event.sequence_number,
    )
