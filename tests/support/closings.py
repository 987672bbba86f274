"""Conversations that are due, and a stopped clock."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import time_machine

from apps.conversations.models import Conversation
from apps.messages import store
from apps.messages.entries import MessageEntry
from tasks.closing import close_due_conversations
from tests.support.builders import NOON, conversation, entry, target

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)


def at(moment: datetime) -> Any:
    """Stop this process's clock at a moment while a block runs."""
    return time_machine.travel(moment, tick=False)


def closing_at(closes_at: datetime, **fields: Any) -> Conversation:
    """Store a conversation that was opened a day before it is due. `fields` replace its values."""
    default = {"opened_at": closes_at - DAY, "closes_at": closes_at, "due_at": closes_at}
    return conversation(**{**default, **fields})


def many_due(number: int) -> list[Conversation]:
    """Store conversations of different contacts, due before noon, the first one first."""
    return [
        closing_at(NOON - MINUTE + INSTANT * index, urn=f"telegram:{index}")
        for index in range(number)
    ]


def tick() -> None:
    """Send the tick for closing, as beat does every minute."""
    close_due_conversations.apply_async(deduplication_id=str(uuid4()))


def write(conversation: Conversation, *, created_at: datetime, **fields: Any) -> MessageEntry:
    """Store a message in a conversation, at the time of its `created_at`."""
    message_id = fields.pop("message_id", f"at {created_at:%d %H:%M:%S.%f}")
    home = conversation.group_id
    written = entry(message_id=message_id, at=created_at, group=home, **fields)
    store.put(target=target(conversation.uuid, home=home), entry=written, now=created_at)
    return written


def current(conversation: Conversation) -> Conversation:
    """Return the conversation as it is stored now."""
    return Conversation.objects.get(pk=conversation.pk)
