"""What PostgreSQL lacks of the messages that DynamoDB has. Reading it changes nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from apps.conversations import erasing, spans
from apps.conversations.models import Conversation
from apps.conversations.places import as_datetime
from apps.messages import message_table
from apps.messages.archive_parts import merged_places
from apps.messages.entries import is_foreign, parse_place, place_key, queue_time_of
from apps.messages.events import MessageEvent
from apps.messages.openings import Opening
from apps.messages.rebuilding import event_of
from apps.messages.versions import Document
from apps.messages.written_items import Written, WrittenMessage, find_opening, messages_since
from operations.restoring.known import (
    Known,
    known_conversations,
    name_of_answer,
    recorded_answers,
)

# An item was written after the commit of its event. The clocks of workers and of PostgreSQL may
# differ, and an item has the time of its worker.
MARGIN = timedelta(minutes=5)
# The number of messages for which PostgreSQL is asked at once.
_BATCH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Unarchived:
    """A closed conversation whose archive lacks this number of messages."""

    conversation_uuid: UUID
    messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A message in DynamoDB of which PostgreSQL lacks an effect: an answer, or part of a row.

    `conversation` is None if the message is stored under a conversation that has no row, and its
    place belongs to another one. `home` is the group of the conversation in DynamoDB.
    """

    conversation_uuid: UUID
    conversation: Conversation | None
    home: str
    key: str
    document: Document
    event: MessageEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A conversation without a row, of a known contact, with some of its messages."""

    conversation_uuid: UUID
    messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """A conversation without a row whose contact was erased after its messages."""

    conversation_uuid: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Nameless:
    """A conversation without a row whose contact nothing names, with some of its messages.

    The two times are queue times.
    """

    conversation_uuid: UUID
    messages: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A message that cannot be decompressed by this release."""

    conversation_uuid: UUID
    key: str


Fact: TypeAlias = Unarchived | Lost | Unknown | Erased | Nameless | Unreadable


def facts_since(restored_to: datetime) -> Iterator[Fact]:
    """Yield what PostgreSQL lacks after it was restored to a time. Raise Unavailable.

    A conversation with many messages may have several facts of a kind, one after the other.
    """
    batch: list[Written] = []
    for written in messages_since(restored_to - MARGIN):
        batch.append(written)
        if sum(len(one.messages) for one in batch) >= _BATCH:
            yield from _facts(batch)
            batch = []
    yield from _facts(batch)


def _facts(batch: Sequence[Written]) -> Iterator[Fact]:
    known = known_conversations({written.conversation_uuid for written in batch})
    lost: list[Lost] = []
    for written in batch:
        yield from (
            Unreadable(conversation_uuid=written.conversation_uuid, key=message.key)
            for message in written.messages
            if message.document is None
        )
        row = known.get(written.conversation_uuid)
        if row is None:
            yield from _facts_of_unknown(written)
            continue
        unarchived = [one for one in written.messages if one.key not in row.archived]
        if row.is_closed and unarchived:
            yield Unarchived(conversation_uuid=written.conversation_uuid, messages=len(unarchived))
        lost += _read(written, row)
    yield from _lacking(lost, known)


def _read(written: Written, row: Known) -> Iterator[Lost]:
    """Yield the messages of a conversation with their events."""
    home = row.conversation.group_id
    for message in written.messages:
        if event := _event_of(message, opening=Opening(contact=row.contact, group=home)):
            yield Lost(
                conversation_uuid=written.conversation_uuid,
                conversation=row.conversation,
                home=home,
                key=message.key,
                document=message.document or {},
                event=event,
            )


def _lacking(read: Sequence[Lost], known: dict[UUID, Known]) -> Iterator[Lost]:
    names = [name_of_answer(one.event, conversation_uuid=one.conversation_uuid) for one in read]
    recorded = recorded_answers({name for name in names if name})
    for one, name in zip(read, names, strict=True):
        if name is None:
            is_lacking = known[one.conversation_uuid].lacks(one.event)
        else:
            is_lacking = name not in recorded or recorded[name] < one.event.place
        if is_lacking:
            yield one


def _facts_of_unknown(written: Written) -> Iterator[Fact]:
    uuid, messages = written.conversation_uuid, written.messages
    opening = written.opening or find_opening(uuid)
    times = [as_datetime(queue_time_of(one.key)) for one in messages]
    if opening is None:
        yield Nameless(
            conversation_uuid=uuid,
            messages=len(messages),
            first_at=min(times),
            last_at=max(times),
        )
        return
    if _is_erased(messages, opening):
        yield Erased(conversation_uuid=uuid)
        return
    missing = [one for one in messages if not _is_elsewhere(one, opening)]
    if missing:
        yield Unknown(conversation_uuid=uuid, messages=len(missing))
    for message in missing:
        if event := _event_of(message, opening=opening):
            yield Lost(
                conversation_uuid=uuid,
                conversation=None,
                home=opening.group,
                key=message.key,
                document=message.document or {},
                event=event,
            )


def _event_of(message: WrittenMessage, *, opening: Opening) -> MessageEvent | None:
    if message.document is None:
        return None
    return event_of(message.document, contact=opening.contact, home=opening.group)


def _is_erased(messages: Sequence[WrittenMessage], opening: Opening) -> bool:
    """Return whether the last of these messages was queued before its contact was erased."""
    own = [one for one in messages if not is_foreign(one.key)]
    last = parse_place((own or messages)[-1].key, home=opening.group)
    contact = opening.contact
    return erasing.is_erased(project_uuid=contact.project_uuid, urn=contact.urn, place=last)


def _is_elsewhere(message: WrittenMessage, opening: Opening) -> bool:
    """Return whether the conversation to which the message's place belongs has the message."""
    if message.document is None:
        return False
    place = parse_place(message.document["place"], home=opening.group)
    span = spans.at(opening.contact, place)
    if span is None:
        return False
    key = place_key(place, home=span.conversation.group_id)
    item = message_table.key(conversation_uuid=span.conversation_id, sort_key=key)
    return message_table.exists(item) or key in merged_places(span.conversation_id)
