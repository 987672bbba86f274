"""The work of persist_dynamo: store messages, and archive those of closed conversations."""

from collections.abc import Sequence
from uuid import UUID

from apps.common.clock import now
from apps.messages import store
from apps.messages.entries import MessageEntry
from apps.messages.events import MessageEvent
from celery_sqs_fifo import BatchItem
from observability.metrics import counters
from tasks.closing import migrate_on_close
from tasks.steps.progress import Progress


def store_all(batch: Sequence[BatchItem]) -> None:
    """Store the messages of a batch."""
    entries = [entry for item in batch if (entry := _entry_of(item))]
    counters.metrics().stored.inc(store.put_all(entries=entries, now=now()))


def store_one(item: BatchItem) -> None:
    """Store the message of an event, if it has one."""
    entry = _entry_of(item)
    if entry:
        is_new = store.put(conversation_uuid=entry[0], entry=entry[1], now=now())
        counters.count_stored(is_new=is_new)


def migrate_closed(item: BatchItem) -> None:
    """Archive the messages of conversations that the event closed, or came too late for."""
    for conversation_uuid in item.state.to_migrate:
        migrate_on_close.run_in_this_delivery(str(conversation_uuid))


def _entry_of(item: BatchItem) -> tuple[UUID, MessageEntry] | None:
    progress: Progress = item.state
    entry = progress.event.entry if isinstance(progress.event, MessageEvent) else None
    if entry and progress.conversation_uuid:
        return progress.conversation_uuid, entry
    return None
