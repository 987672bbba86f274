"""The three tasks of `bench.event_cost.stock_service`. Each is one step for one event."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from apps.messages.events import Arrival, MessageEvent
from bench.event_cost import storage

Event = dict[str, Any]


def process_message(event: Event) -> Event:
    """Find or open the conversation."""
    conversation = storage.find_conversation(_read(event))
    return {**event, "conversation": str(conversation) if conversation else None}


def persist_dynamo(event: Event) -> Event:
    """Store the message."""
    storage.store_message(_read(event), _conversation(event))
    return event


def handle_csat(event: Event) -> None:
    """Record the answer."""
    storage.store_answer(_read(event), _conversation(event))


def _read(event: Event) -> MessageEvent:
    arrival = Arrival(
        group_id=event["group"],
        sent_at=datetime.fromtimestamp(event["sent_at"], UTC),
        sequence_number="0",
    )
    return storage.read(body=event["body"], arrival=arrival)


def _conversation(event: Event) -> UUID | None:
    return UUID(event["conversation"]) if event["conversation"] else None
