"""The second part of process_message: find, open, update or close the conversations of events."""

from collections.abc import Sequence
from typing import assert_never
from uuid import UUID

from django.conf import settings

from apps.common.clock import now
from apps.conversations import selectors, services, takeovers, windows
from apps.conversations.answering import attribute_answer
from apps.conversations.attribution import Attribution, IncomingMessage, find_or_open
from apps.conversations.erasing import ContactErased
from apps.conversations.places import time_of
from apps.conversations.spans import NewestMessage
from apps.messages import deletions, store
from apps.messages.events import (
    CloseEvent,
    DeletionEvent,
    MessageEvent,
    StatusEvent,
    WindowEvent,
)
from celery_sqs_fifo import BatchItem
from observability.metrics import counters
from tasks.steps.progress import Progress, log_dropped_event


def attribute_all(batch: Sequence[BatchItem]) -> None:
    """Find or open the conversations of a batch of messages, and find those of its statuses.

    Raise TypeError if another event has an answer or no message: such an event must run alone.
    """
    statuses = [item for item in batch if isinstance(item.state.event, StatusEvent)]
    with_messages = [item for item in batch if not isinstance(item.state.event, StatusEvent)]
    messages = [_incoming(_plain_message(item)) for item in with_messages]
    found = find_or_open(messages) if messages else []
    for item, attribution in zip(with_messages, found, strict=True):
        _set_conversation(item, attribution)
    _find_conversations(statuses)


def project_of(item: BatchItem) -> UUID:
    """Return the project of an event."""
    project_uuid: UUID = item.state.event.contact.project_uuid
    return project_uuid


def attribute(item: BatchItem) -> None:
    """Find, open, update or close the conversation of an event."""
    progress: Progress = item.state
    match progress.event:
        case MessageEvent() as event:
            _attribute_message(item, event)
        case DeletionEvent() as event:
            _record_deletion(item, event)
        case StatusEvent():
            _find_conversations([item])
        case WindowEvent(has_chats_room=True) as event:
            _take_over(item, event)
        case WindowEvent() as event:
            _apply_window(item, event)
        case CloseEvent() as event:
            _close(item, event)
        case unhandled:
            assert_never(unhandled)


def _attribute_message(item: BatchItem, event: MessageEvent) -> None:
    if event.answer is None:
        (attribution,) = find_or_open([_incoming(event)])
        _set_conversation(item, attribution)
        return
    answered = attribute_answer(
        contact=event.contact,
        place=event.place,
        has_text_of_contact=event.from_contact and event.entry is not None,
        contact_name=event.contact_name,
    )
    if answered is None:
        item.state.is_erased = True
        log_dropped_event(item)
    elif answered.conversation_uuid:
        item.state.conversation_uuid = answered.conversation_uuid
        item.state.home = answered.home
        has_late_text = answered.late and event.entry is not None
        item.state.to_migrate = [answered.conversation_uuid] if has_late_text else []


def _record_deletion(item: BatchItem, event: DeletionEvent) -> None:
    try:
        recorded = deletions.record(
            contact=event.contact, identity=event.identity, place=event.place, now=now()
        )
    except ContactErased:
        item.state.is_erased = True
        log_dropped_event(item)
        return
    # An earlier run may have ended before it removed everything.
    item.state.to_migrate = [recorded.conversation_id] if recorded.conversation_id else []


def _find_conversations(statuses: Sequence[BatchItem]) -> None:
    """Set the conversations of statuses that are to be kept: those in progress at their places."""
    if not settings.KEEPS_MESSAGE_STATUSES:
        return
    kept = [item for item in statuses if item.state.event.can_be_kept]
    found = selectors.all_in_progress({item.state.event.contact for item in kept})
    for item in kept:
        conversation = found.get(item.state.event.contact)
        if conversation and conversation.opened_at <= time_of(item.state.event.place):
            item.state.conversation_uuid = conversation.uuid
            item.state.home = conversation.group_id


def _apply_window(item: BatchItem, event: WindowEvent) -> None:
    try:
        attribution = windows.update_or_open(
            contact=event.contact, window=event.window, place=event.place
        )
    except ContactErased:
        log_dropped_event(item)
    else:
        if attribution:
            counters.count_attribution(attribution)
            item.state.conversation_uuid = attribution.conversation_uuid
            item.state.has_opened = attribution.has_opened
            item.state.is_foreign = attribution.foreign_group


def _set_conversation(item: BatchItem, attribution: Attribution) -> None:
    """Set the conversation of a message.

    A message of an erased contact has no conversation, and is therefore not stored.
    """
    counters.count_attribution(attribution)
    uuid = attribution.conversation_uuid
    if uuid is None:
        log_dropped_event(item)
    item.state.conversation_uuid = uuid
    item.state.home = attribution.home
    item.state.has_opened = attribution.has_opened
    item.state.is_foreign = attribution.foreign_group
    item.state.to_migrate = [uuid] if attribution.late else []


def _take_over(item: BatchItem, event: WindowEvent) -> None:
    try:
        taken_over = takeovers.take_over(
            contact=event.contact,
            window=event.window,
            place=event.place,
            newest=_newest_message(event),
            now=now(),
        )
    except ContactErased:
        log_dropped_event(item)
        return
    if taken_over.opened:
        counters.metrics().opened.inc()
    if taken_over.closed:
        counters.metrics().closed.labels("takeover").inc()
    item.state.conversation_uuid = taken_over.conversation_uuid
    item.state.to_migrate = taken_over.to_migrate


def _close(item: BatchItem, event: CloseEvent) -> None:
    closed = services.close(
        contact=event.contact,
        resolution=event.resolution,
        place=event.place,
        newest=_newest_message(event),
        now=now(),
    )
    if closed.closed:
        counters.metrics().closed.labels("event").inc()
    item.state.to_migrate = closed.to_migrate


def _newest_message(event: WindowEvent | CloseEvent) -> NewestMessage | None:
    """Return the conversation in progress of an event's contact, with its newest message."""
    conversation = selectors.in_progress(event.contact)
    if conversation is None:
        return None
    place = store.newest_place(conversation.uuid, home=conversation.group_id)
    return NewestMessage(conversation_uuid=conversation.uuid, place=place)


def _incoming(event: MessageEvent) -> IncomingMessage:
    return IncomingMessage(
        contact=event.contact,
        place=event.place,
        at=event.at,
        from_contact=event.from_contact,
        contact_name=event.contact_name,
    )


def _plain_message(item: BatchItem) -> MessageEvent:
    """Return the event of an item. Raise TypeError unless it has a message and no answer."""
    event = item.state.event
    if not isinstance(event, MessageEvent) or not event.entry or event.answer:
        raise TypeError("an event that must run alone is in a batch")
    return event
