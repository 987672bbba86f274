"""Builders of events and stored messages. Every value is valid unless a test changes it.

Also runs the three steps of the chain in this process, as a worker does for one delivery.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from apps.conversations.attribution import Attribution, IncomingMessage, find_or_open
from apps.conversations.contacts import Contact
from apps.conversations.models import Conversation, Project, Resolution
from apps.messages.entries import MessageEntry, content_hash
from apps.messages.events import Arrival
from celery_sqs_fifo import BatchItem, Outcome, QueuedEvent
from tasks.pipeline import handle_csat, persist_dynamo, process_message

PROJECT = UUID("5f0c2f3a-6b1d-4a57-9c39-0e6a1d2b7c41")
CHANNEL = UUID("a3b1d0c2-74c5-4f0e-8a5d-9e2f6c7b1d02")
URN = "telegram:1001"
# Unique texts, so that tests can search logs for them.
NAME = "Anabela Tavares"
WINDOW_NAME = "Bia Nascimento"
TEXT = "hello, my parcel has a dent"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
# The value of a field that is left out.
ABSENT = object()

_NUMBERS = count(1)


def contact(*, urn: str = URN, project: UUID = PROJECT, channel: UUID = CHANNEL) -> Contact:
    """Return a contact, by default of the default project and channel."""
    return Contact(project_uuid=project, channel_uuid=channel, urn=urn)


def body(
    *,
    event_type: str,
    urn: str = URN,
    data: Mapping[str, Any] | None = None,
    event: Mapping[str, Any] | None = None,
) -> str:
    """Return the JSON of an event.

    `data` and `event` add or replace fields in `data` and at the top level. A field with the value
    ABSENT is left out.
    """
    identity = {
        "project_uuid": str(PROJECT),
        "channel_uuid": str(CHANNEL),
        "contact_urn": urn,
    }
    document = {
        "event_type": event_type,
        "correlation_id": "correlation-1",
        "data": _present({**identity, **(data or {})}),
    }
    return json.dumps(_present({**document, **(event or {})}))


def message_body(
    *,
    event_type: str = "message.received",
    urn: str = URN,
    message: Mapping[str, Any] | None = None,
    data: Mapping[str, Any] | None = None,
    event: Mapping[str, Any] | None = None,
) -> str:
    """Return `message.received` or `message.sent`. `message` adds or replaces message fields."""
    default = {
        "id": "m-1",
        "text": TEXT,
        "source": "incoming" if event_type == "message.received" else "outgoing",
        "created_at": NOON.isoformat(),
        "contact_name": NAME,
    }
    whole = {"message": _present({**default, **(message or {})}), **(data or {})}
    return body(event_type=event_type, urn=urn, data=whole, event=event)


def numbered_message(number: int, **fields: Any) -> str:
    """Return a message of the default contact, `number` seconds after noon."""
    at = NOON + timedelta(seconds=number)
    return message_body(message={"id": f"m-{number}", "created_at": at.isoformat(), **fields})


def survey_body(
    *,
    key: str = "weni_csat",
    value: Any = "5",
    urn: str = URN,
    message: Mapping[str, Any] | None = None,
) -> str:
    """Return a survey answer, with the dummy message in which platforms send it."""
    dummy = {"id": "answer-1", "text": "", "source": "system", "created_at": ""}
    return message_body(
        urn=urn, message={**dummy, **(message or {})}, data={"key": key, "value": value}
    )


def window_body(*, urn: str = URN, data: Mapping[str, Any] | None = None) -> str:
    """Return `conversation.window`. A human takes over only if `data` has `has_chats_room`."""
    default = {
        "external_id": "w-1",
        "start": NOON.isoformat(),
        "end": (NOON + timedelta(days=1)).isoformat(),
        "has_chats_room": False,
        "name": WINDOW_NAME,
    }
    return body(event_type="conversation.window", urn=urn, data={**default, **(data or {})})


def close_body(*, urn: str = URN, resolution: Any = 0) -> str:
    """Return `conversation.close`."""
    return body(event_type="conversation.close", urn=urn, data={"resolution": resolution})


def arrival(*, sent_at: datetime = NOON, sequence_number: str = "1") -> Arrival:
    """Return the time and place of an event on the queue."""
    return Arrival(group_id=f"group:{URN}", sent_at=sent_at, sequence_number=sequence_number)


def incoming(
    *,
    at: datetime = NOON,
    sent_at: datetime = NOON,
    from_contact: bool = True,
    urn: str = URN,
    group_id: str = "group-1",
    **identity: Any,
) -> IncomingMessage:
    """Return a message for `find_or_open`."""
    return IncomingMessage(
        contact=contact(urn=urn, **identity),
        at=at,
        sent_at=sent_at,
        from_contact=from_contact,
        contact_name=NAME,
        group_id=group_id,
    )


def found(**fields: Any) -> Attribution:
    """Return the conversation that is found or opened for one message."""
    (only,) = find_or_open([incoming(**fields)])
    return only


def queued_event(
    *,
    body: str,
    sent_at: datetime = NOON,
    group_id: str = f"group:{URN}",
    sequence_number: str | None = None,
) -> QueuedEvent:
    """Return an event as the first step receives it, by default with the next sequence number."""
    number = next(_NUMBERS)
    return QueuedEvent(
        message_id=f"source-{number}",
        group_id=group_id,
        sequence_number=sequence_number or f"{number:020d}",
        sent_at=int(sent_at.timestamp() * 1000),
        body=body,
    )


def run_chain(*, events: Iterable[QueuedEvent]) -> list[BatchItem]:
    """Run a batch through the three steps as one delivery, and return its items."""
    batch = [BatchItem(event) for event in events]
    for step in (process_message, persist_dynamo, handle_csat):
        step.run(batch)
    return batch


def deliver(*, event: QueuedEvent) -> Outcome | None:
    """Deliver one event. Return None if it took effect, otherwise its outcome."""
    (item,) = run_chain(events=[event])
    return item.outcome


def deliver_bodies(*, bodies: Iterable[str], sent_at: datetime = NOON) -> list[QueuedEvent]:
    """Deliver an event for each body, queued a second apart. Fails if one has no effect."""
    events = [
        queued_event(body=one, sent_at=sent_at + timedelta(seconds=number))
        for number, one in enumerate(bodies)
    ]
    for event in events:
        outcome = deliver(event=event)
        assert outcome is None, outcome
    return events


def project(*, uuid: UUID = PROJECT, timezone: str = "America/Sao_Paulo") -> Project:
    """Return the stored project, which is created if it is missing."""
    found, _ = Project.objects.get_or_create(uuid=uuid, defaults={"timezone": timezone})
    return found


def conversation(
    *,
    urn: str = URN,
    resolution: Resolution = Resolution.IN_PROGRESS,
    opened_at: datetime = NOON,
    ended_at: datetime | None = None,
    contact_wrote: bool = True,
    span: tuple[datetime, datetime] | None = None,
) -> Conversation:
    """Store a conversation. `span` has the times of its first and last archived message."""
    first, last = span or (None, None)
    return Conversation.objects.create(
        project=project(),
        channel_uuid=CHANNEL,
        contact_urn=urn,
        group_id=f"group:{urn}",
        started_at=opened_at,
        opened_at=opened_at,
        contact_wrote=contact_wrote,
        closes_at=opened_at + timedelta(days=1),
        ended_at=ended_at,
        resolution=resolution,
        first_message_at=first,
        last_message_at=last,
    )


def entry(
    *,
    message_id: str = "m-1",
    at: datetime = NOON,
    sequence_number: int = 1,
    text: Any = "hello",
    message: Mapping[str, Any] | None = None,
    event_type: str = "message.received",
) -> MessageEntry:
    """Return one version of one message."""
    content = {"id": message_id, "text": text, **(message or {})}
    return MessageEntry(
        message_id=message_id,
        at=at,
        sequence_number=str(sequence_number),
        event_type=event_type,
        correlation_id="correlation-1",
        content_hash=content_hash(event_type=event_type, message=content),
        message=content,
        extra={},
    )


def entries(*, number: int, start: datetime = NOON, size: int = 5) -> list[MessageEntry]:
    """Return messages a second apart, each with a text of `size` characters."""
    return [
        entry(
            message_id=f"m-{index:05d}",
            at=start + timedelta(seconds=index),
            sequence_number=index + 1,
            text=f"{index:05d}".ljust(size, "x"),
        )
        for index in range(number)
    ]


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not ABSENT}
