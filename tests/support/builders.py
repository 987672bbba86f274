"""Builders of events and stored messages. Every value is valid unless a test changes it.

Also runs the three steps of the chain in this process, as a worker does for one delivery.
"""

import hashlib
import json
import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from string import ascii_letters, digits
from typing import Any
from uuid import UUID
from zlib import crc32

from apps.conversations.attribution import Attribution, IncomingMessage, find_or_open
from apps.conversations.contacts import Contact
from apps.conversations.models import Conversation, Resolution
from apps.conversations.places import place_at
from apps.conversations.project_models import Project
from apps.conversations.span_models import Span
from apps.messages.entries import MessageEntry
from apps.messages.store import Target
from celery_sqs_fifo import BatchItem, Outcome, Place, QueuedEvent
from tasks.pipeline import handle_csat, persist_dynamo, process_message

PROJECT = UUID("5f0c2f3a-6b1d-4a57-9c39-0e6a1d2b7c41")
CHANNEL = UUID("a3b1d0c2-74c5-4f0e-8a5d-9e2f6c7b1d02")
URN = "telegram:1001"
HOME = f"group:{URN}"
# Unique texts, so that tests can search logs for them.
NAME = "Anabela Tavares"
WINDOW_NAME = "Bia Nascimento"
TEXT = "hello, my parcel has a dent"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
# The value of a field that is left out of an event.
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


def deletion_body(
    *, message_id: str = "m-1", direction: Any = ABSENT, urn: str = URN, **data: Any
) -> str:
    """Return `message.deleted`."""
    message = {"id": message_id, "deleted_at": NOON.isoformat()}
    fields = {"message": message, "direction": direction, **data}
    return body(event_type="message.deleted", urn=urn, data=fields)


def status_body(
    *, message_id: str = "m-1", status: Any = "delivered", urn: str = URN, **data: Any
) -> str:
    """Return `message.status`. `data` adds or replaces fields."""
    message = _present({"id": message_id, "status": status, "created_at": "1769860800"})
    return body(event_type="message.status", urn=urn, data={"message": message, **data})


def survey_body(
    *,
    key: str = "weni_csat",
    value: Any = "5",
    urn: str = URN,
    message: Mapping[str, Any] | None = None,
) -> str:
    """Return a survey answer in a dummy message, as platforms send it."""
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


def place(
    *, queue_time: datetime = NOON, sequence_number: int | None = None, group: str = f"group:{URN}"
) -> Place:
    """Return a place on the queue. By default sequence numbers rise with the queue time."""
    if sequence_number is None:
        sequence_number = sequence_at(queue_time)
    return place_at(queue_time=queue_time, sequence_number=sequence_number, group=group)


def sequence_at(queue_time: datetime, *, number: int = 0) -> int:
    """Return a sequence number that rises with the queue time, and with `number` within it."""
    return int(queue_time.timestamp() * 1000) * 1_000_000 + number


def incoming(
    *,
    at: datetime = NOON,
    sent_at: datetime = NOON,
    from_contact: bool = True,
    urn: str = URN,
    group_id: str | None = None,
    contact_name: str = NAME,
    sequence_number: int | None = None,
    **identity: Any,
) -> IncomingMessage:
    """Return a message for `find_or_open`."""
    return IncomingMessage(
        contact=contact(urn=urn, **identity),
        place=place(
            queue_time=sent_at,
            sequence_number=sequence_number,
            group=group_id or f"group:{urn_of_group(urn)}",
        ),
        at=at,
        from_contact=from_contact,
        contact_name=contact_name,
    )


def urn_of_group(urn: str) -> str:
    """Return the last part of a contact's group id: the URN, or its hash if SQS refuses the URN."""
    is_accepted = len(urn) <= 100 and all("!" <= character <= "~" for character in urn)
    return urn if is_accepted else hashlib.sha256(urn.encode()).hexdigest()


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
    attributes: Mapping[str, str] | None = None,
) -> QueuedEvent:
    """Return an event as the first step receives it, by default with the next sequence number."""
    number = next(_NUMBERS)
    return QueuedEvent(
        message_id=f"source-{number}",
        group_id=group_id,
        place=place(
            queue_time=sent_at,
            sequence_number=int(sequence_number or sequence_at(sent_at, number=number)),
            group=group_id,
        ),
        body=body,
        attributes=attributes or {},
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
    opened_at: datetime = NOON,
    span: tuple[datetime, datetime] | tuple[None, None] = (None, None),
    contact_wrote: bool = True,
    **fields: Any,
) -> Conversation:
    """Store a conversation, by default in progress in the default project.

    `span` has the times of its first and last archived message. `fields` add or replace values.
    """
    default = {
        "channel_uuid": CHANNEL,
        "group_id": f"group:{urn}",
        "started_at": opened_at,
        "closes_at": opened_at + timedelta(days=1),
        "resolution": Resolution.IN_PROGRESS,
    }
    if "project_id" not in fields:
        fields["project_id"] = project().pk
    values = {**default, **fields}
    if contact_wrote:
        values |= {
            "written_at": opened_at,
            "written_sequence": sequence_at(opened_at),
            "written_group": values["group_id"],
        }
    stored = Conversation.objects.create(
        contact_urn=urn,
        opened_at=opened_at,
        first_message_at=span[0],
        last_message_at=span[1],
        **values,
    )
    store_span(stored)
    return stored


def store_span(conversation: Conversation) -> Span:
    """Store the span of a conversation, from its opening to its end."""
    ended_at = conversation.ended_at
    is_open = conversation.resolution == Resolution.IN_PROGRESS
    end = None if is_open else sequence_at(ended_at or conversation.opened_at)
    return Span.objects.create(
        conversation=conversation,
        project_id=conversation.project_id,
        channel_uuid=conversation.channel_uuid,
        contact_urn=conversation.contact_urn,
        group_id=conversation.group_id,
        first_sequence=sequence_at(conversation.opened_at),
        last_sequence=end,
        starts_at=conversation.opened_at,
        start_sequence=sequence_at(conversation.opened_at),
        start_group=conversation.group_id,
        opened_at=conversation.opened_at,
        opened_sequence=sequence_at(conversation.opened_at),
        ended_at=None if is_open else ended_at or conversation.opened_at,
        end_sequence=end,
        end_group="" if is_open else conversation.group_id,
    )


def entry(
    *,
    message_id: str = "m-1",
    at: datetime = NOON,
    sequence_number: int | None = None,
    queue_time: datetime | None = None,
    text: Any = "hello",
    message: Mapping[str, Any] | None = None,
    event_type: str = "message.received",
    correlation_id: str = "correlation-1",
    group: str = HOME,
) -> MessageEntry:
    """Return one version of one message, by default queued at its own time."""
    content = {"id": message_id, "text": text, **(message or {})}
    queue_time = queue_time or at
    if sequence_number is None:
        # The number depends on the content, so that equal versions have equal numbers.
        number = crc32(f"{event_type} {correlation_id} {content}".encode()) % 1_000_000
        sequence_number = sequence_at(queue_time, number=number)
    return MessageEntry(
        message_id=message_id,
        at=at,
        stamped="",
        place=place(queue_time=queue_time, sequence_number=sequence_number, group=group),
        event_type=event_type,
        correlation_id=correlation_id,
        message=content,
        extra={},
    )


@cache
def noise(characters: int, *, alphabet: str = ascii_letters + digits + " .,;:!?'()-") -> str:
    """Return random characters, always the same. Compression hardly makes them smaller."""
    return "".join(random.Random(0).choices(alphabet, k=characters))  # noqa: S311 (not secret)


def target(conversation_uuid: UUID, *, home: str = HOME) -> Target:
    """Return the target of a message of a conversation in the default group."""
    return Target(conversation_uuid=conversation_uuid, home=home)


def entries(*, number: int, start: datetime = NOON, size: int = 5) -> list[MessageEntry]:
    """Return messages a second apart, each with a text of `size` characters.

    Large texts stay large if they are compressed.
    """
    return [
        entry(
            message_id=f"m-{index:05d}",
            at=start + timedelta(seconds=index),
            sequence_number=index + 1,
            text=f"{index:05d}{noise(max(0, size - 5))}",
        )
        for index in range(number)
    ]


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not ABSENT}
