"""The work of persist_dynamo: store messages, archive those of closed conversations, delete."""

import logging
from collections.abc import Sequence
from uuid import UUID

from apps.analytics.services import remove_text
from apps.common import aws
from apps.common.clock import now
from apps.common.errors import Unavailable
from apps.conversations import archive_checks
from apps.conversations.places import time_of
from apps.messages import deletions, message_table, store
from apps.messages.archiving import apply_deletions
from apps.messages.entries import MessageEntry
from apps.messages.events import DeletionEvent, MessageEvent, StatusEvent, WindowEvent
from apps.messages.openings import Opening, opening_item
from apps.messages.statuses import MessageStatus, status_items
from apps.messages.store import Target
from celery_sqs_fifo import BatchItem
from observability.metrics import counters
from tasks.closing import migrate_on_close
from tasks.steps.progress import Progress

logger = logging.getLogger(__name__)


def store_all(batch: Sequence[BatchItem]) -> None:
    """Store the messages of a batch, and the statuses that are kept."""
    entries = [entry for item in batch if (entry := _entry_of(item))]
    statuses = status_items(filter(None, map(_status_of, batch)), now=now())
    stored = store.put_all(entries=entries, others=statuses, now=now())
    counters.metrics().stored.inc(stored)


def store_one(item: BatchItem) -> None:
    """Store the message of an event, its status, or the contact of what it opened, if any."""
    entry = _entry_of(item)
    if entry:
        is_new = store.put(target=entry[0], entry=entry[1], now=now())
        counters.count_stored(is_new=is_new)
    elif status := _status_of(item):
        store.put_all(entries=(), others=status_items([status], now=now()), now=now())
    elif opening := _opening_of(item):
        _write_opening(opening)


def migrate_closed(item: BatchItem, *, archived: set[UUID]) -> None:
    """Archive the messages of conversations that the event closed, or came too late for.

    `archived` are the conversations of the batch that are archived already, with the messages of
    all its events. Those of this event are added.
    """
    for conversation_uuid in item.state.to_migrate:
        if conversation_uuid not in archived:
            migrate_on_close.run_in_this_delivery(str(conversation_uuid))
            archived.add(conversation_uuid)


def delete_message(item: BatchItem) -> None:
    """Delete the message that an event deletes, in all stores, or leave a deletion that waits."""
    event = item.state.event
    if not isinstance(event, DeletionEvent) or item.state.is_erased:
        return
    waiting = deletions.waiting_for(event.contact, identity=event.identity, now=now())
    counters.count_archived(apply_deletions(contact=event.contact, waiting=waiting, now=now()))
    if event.direction == "received":
        # The message may be the text of an answer without a conversation.
        since, until = deletions.period_of(time_of(event.place))
        remove_text(contact=event.contact, message_id=event.message_id, since=since, until=until)
    if deletions.waiting_for(event.contact, identity=event.identity, now=now()):
        archive_checks.check_soon(contact=event.contact, now=now())


def _status_of(item: BatchItem) -> MessageStatus | None:
    """Return the status of an event that has a conversation, or None."""
    progress: Progress = item.state
    event = progress.event
    if not isinstance(event, StatusEvent) or not progress.conversation_uuid:
        return None
    return MessageStatus(
        target=Target(conversation_uuid=progress.conversation_uuid, home=progress.home),
        identity=event.identity,
        status=event.status,
        place=event.place,
    )


def _entry_of(item: BatchItem) -> tuple[Target, MessageEntry] | None:
    progress: Progress = item.state
    entry = progress.event.entry if isinstance(progress.event, MessageEvent) else None
    if entry and progress.conversation_uuid:
        target = Target(
            conversation_uuid=progress.conversation_uuid,
            home=progress.home,
            opened_by=progress.event.contact if progress.has_opened else None,
        )
        return target, entry
    return None


def _write_opening(opening: message_table.Item) -> None:
    """Write the item of a window that opened a conversation, unless the table has it.

    A window needs DynamoDB for nothing else, so an outage of DynamoDB must not hold it.
    """
    try:
        message_table.put_new(opening, options=aws.BRIEF)
    except Unavailable as error:
        logger.warning("opening_not_written", extra={"error": str(error)})


def _opening_of(item: BatchItem) -> message_table.Item | None:
    """Return the item of a window that opened a conversation, or None for any other event."""
    progress: Progress = item.state
    event = progress.event
    if not isinstance(event, WindowEvent) or not progress.has_opened:
        return None
    if progress.conversation_uuid is None:
        return None
    return opening_item(
        conversation_uuid=progress.conversation_uuid,
        opening=Opening(contact=event.contact, group=event.place.group),
        place=event.place,
        now=now(),
    )
