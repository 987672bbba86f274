"""The second part of process_message: find, open, update or close the conversations of events."""

from collections.abc import Sequence
from typing import assert_never
from uuid import UUID

from apps.common.clock import now
from apps.conversations import selectors, services
from apps.conversations.attribution import Attribution, IncomingMessage, find_or_open
from apps.conversations.erasing import ContactErased
from apps.conversations.models import Resolution
from apps.messages.events import CloseEvent, MessageEvent, WindowEvent
from celery_sqs_fifo import BatchItem
from observability.metrics import counters
from tasks.steps.progress import Progress, log_dropped_event


def attribute_all(batch: Sequence[BatchItem]) -> None:
    """Find or open the conversations of a batch of messages.

    Raise TypeError if an event has an answer or no message: such an event must run alone.
    """
    messages = [_incoming(_plain_message(item)) for item in batch]
    for item, attribution in zip(batch, find_or_open(messages), strict=True):
        _set_conversation(item, attribution)


def attribute(item: BatchItem) -> None:
    """Find, open, update or close the conversation of an event."""
    progress: Progress = item.state
    match progress.event:
        case MessageEvent() as event:
            _attribute_message(item, event)
        case WindowEvent(has_chats_room=True) as event:
            progress.to_migrate = _close(event, resolution=Resolution.HAS_CHAT_ROOM)
        case WindowEvent() as event:
            _apply_window(item, event)
        case CloseEvent() as event:
            progress.to_migrate = _close(event, resolution=event.resolution)
        case unhandled:
            assert_never(unhandled)


def _attribute_message(item: BatchItem, event: MessageEvent) -> None:
    if event.entry:
        (attribution,) = find_or_open([_incoming(event)])
        _set_conversation(item, attribution)
    if event.answer:
        # After the event's own message is attributed, so that a rerun finds the same conversation.
        item.state.answered_uuid = selectors.answered_conversation(
            contact=event.contact, answered_at=event.arrival.sent_at
        )


def _apply_window(item: BatchItem, event: WindowEvent) -> None:
    try:
        attribution = services.update_or_open(
            contact=event.contact,
            window=event.window,
            sent_at=event.arrival.sent_at,
            group_id=event.arrival.group_id,
        )
    except ContactErased:
        log_dropped_event(item)
    else:
        if attribution:
            counters.count_attribution(attribution)
            item.state.conversation_uuid = attribution.conversation_uuid


def _set_conversation(item: BatchItem, attribution: Attribution) -> None:
    """Set the conversation of a message.

    A message of an erased contact has no conversation, and is therefore not stored.
    """
    counters.count_attribution(attribution)
    uuid = attribution.conversation_uuid
    if uuid is None:
        log_dropped_event(item)
    item.state.conversation_uuid = uuid
    item.state.to_migrate = [uuid] if attribution.late else []


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


def _plain_message(item: BatchItem) -> MessageEvent:
    """Return the event of an item. Raise TypeError unless it has a message and no answer."""
    event = item.state.event
    if not isinstance(event, MessageEvent) or not event.entry or event.answer:
        raise TypeError("an event that must run alone is in a batch")
    return event
