"""Writing a conversation's archive: merging messages into its parts in PostgreSQL.

This module never reads DynamoDB; apps.messages.archiving reads the messages there and calls
`merge`. Everything here happens under the lock of the conversation's row. An archive only grows:
merging the same messages again changes nothing, and merging fewer removes nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import BooleanField, F, Max, Min, QuerySet, Sum
from django.db.models.expressions import RawSQL

from apps.common.lossless_json import dump
from apps.conversations.models import Conversation
from apps.messages.entries import MessageEntry
from apps.messages.models import ConversationMessages

MAX_PART_ENTRIES = 1_000
MAX_PART_BYTES = 4_000_000
# Late messages may fill a part to a quarter above its bounds before it is split. The parts of a
# long archive are full, and splitting one renumbers all later parts.
LATE_MESSAGES_DIVISOR = 4

Document = dict[str, Any]


class ArchiveIncomplete(Exception):
    """A merged message is missing from the archive. This is a bug; nothing may be deleted."""


@transaction.atomic
def merge(*, conversation_uuid: UUID, entries: Sequence[MessageEntry]) -> None:
    """Merge these messages into the archive, in order, and update the conversation's totals.

    Reads and rewrites only the parts that the messages belong to, one at a time. Raises
    Conversation.DoesNotExist if the conversation was erased. Raises ArchiveIncomplete, and changes
    nothing, if a message is missing from the archive afterwards.
    """
    conversation = Conversation.objects.select_for_update().get(uuid=conversation_uuid)
    documents = _merge_with_archived(conversation, _as_documents(entries))
    by_part: defaultdict[int, list[Document]] = defaultdict(list)
    first_positions = list(_parts(conversation).values_list("part", "first_position"))
    for document in documents:
        by_part[_part_for(document, first_positions)].append(document)
    # From the last part to the first, because splitting a part renumbers the later ones.
    for part in sorted(by_part, reverse=True):
        _merge_into_part(conversation, part, by_part[part])
    _check_complete(conversation, entries)
    _update_conversation(conversation)


def position(document: Document) -> str:
    """Return the sort key of an entry: its time, then its sequence number.

    AWS documents sequence numbers of 20 digits; 40 are allowed for.
    """
    return f"{document['created_at']}#{int(document['sequence_number']):040d}"


def _as_documents(entries: Iterable[MessageEntry]) -> list[Document]:
    """Return one document for each message id, with its later versions as edits."""
    by_id: defaultdict[str, list[Document]] = defaultdict(list)
    for entry in entries:
        by_id[entry.message_id].append(entry.as_json())
    return [_merge_versions(versions) for versions in by_id.values()]


def _merge_with_archived(conversation: Conversation, documents: list[Document]) -> list[Document]:
    """Merge the documents with the archived entries of the same ids.

    An entry that keeps its position is rewritten in its part. Return the other documents: those
    that are new, and those whose entry has left its part because it moved.
    """
    pending = {document["id"]: document for document in documents}
    for part in _parts_with_any(conversation, pending):
        kept = []
        for archived in part.messages:
            new = pending.pop(archived["id"], None)
            merged = _merge_versions([*_versions(archived), *_versions(new)]) if new else archived
            if position(merged) == position(archived):
                kept.append(merged)
            else:
                pending[merged["id"]] = merged
        if kept != part.messages:
            _write_part(conversation, part.part, kept)
    return list(pending.values())


def _merge_versions(versions: Iterable[Document]) -> Document:
    """Return the versions of a message as one entry: the earliest, with the later ones as edits."""
    earliest_of_key: dict[str, Document] = {}
    for version in sorted(versions, key=position):
        earliest_of_key.setdefault(MessageEntry.from_json(version).key, version)
    first, *edits = earliest_of_key.values()
    return first | ({"edits": edits} if edits else {})


def _versions(document: Document) -> list[Document]:
    original = {name: value for name, value in document.items() if name != "edits"}
    return [original, *document.get("edits", ())]


def _part_for(document: Document, first_positions: Sequence[tuple[int, str]]) -> int:
    """Return the last part that begins at or before the document, or else the first part."""
    earlier = [part for part, first in first_positions if first <= position(document)]
    return earlier[-1] if earlier else 0


def _merge_into_part(conversation: Conversation, number: int, documents: list[Document]) -> None:
    part = _parts(conversation).filter(part=number).first()
    messages = sorted([*(part.messages if part else ()), *documents], key=position)
    first, *rest = [messages] if part and _has_room(messages) else _split(messages)
    if rest:
        _parts(conversation).filter(part__gt=number).update(part=F("part") + len(rest))
    for offset, messages_of_part in enumerate((first, *rest)):
        _write_part(conversation, number + offset, messages_of_part)


def _has_room(messages: list[Document]) -> bool:
    """Return whether these messages fit into one part that has received late messages."""
    if len(messages) > MAX_PART_ENTRIES + MAX_PART_ENTRIES // LATE_MESSAGES_DIVISOR:
        return False
    max_bytes = MAX_PART_BYTES + MAX_PART_BYTES // LATE_MESSAGES_DIVISOR
    return sum(_size(message) for message in messages) <= max_bytes


def _split(messages: list[Document]) -> list[list[Document]]:
    """Return the messages in runs that each fit into a part; a message is never divided."""
    runs: list[list[Document]] = [[]]
    size = 0
    for message in messages:
        message_size = _size(message)
        full = len(runs[-1]) >= MAX_PART_ENTRIES or size + message_size > MAX_PART_BYTES
        if runs[-1] and full:
            runs.append([])
            size = 0
        runs[-1].append(message)
        size += message_size
    return runs


def _write_part(conversation: Conversation, number: int, messages: list[Document]) -> None:
    if not messages:
        _parts(conversation).filter(part=number).delete()
        return
    times = [version["created_at"] for entry in messages for version in _versions(entry)]
    content = {
        "messages": messages,
        "message_ids": [entry["id"] for entry in messages],
        "first_position": position(messages[0]),
        "first_message_at": min(times),
        "last_message_at": max(times),
        "message_count": len(messages),
        "size": sum(_size(entry) for entry in messages),
    }
    if not _parts(conversation).filter(part=number).update(**content):
        ConversationMessages.objects.create(conversation=conversation, part=number, **content)


def _check_complete(conversation: Conversation, entries: Sequence[MessageEntry]) -> None:
    """Read the archive back, because the caller deletes these messages from DynamoDB next.

    Raises ArchiveIncomplete if one is missing.
    """
    missing = {entry.key for entry in entries}
    ids = {entry.message_id for entry in entries}
    for part in _parts_with_any(conversation, ids):
        for document in part.messages:
            if document["id"] in ids:
                missing -= {MessageEntry.from_json(version).key for version in _versions(document)}
    if missing:
        raise ArchiveIncomplete(
            f"{len(missing)} message(s) of {conversation} are missing from its archive"
        )


def _update_conversation(conversation: Conversation) -> None:
    totals = _parts(conversation).aggregate(
        first=Min("first_message_at"), last=Max("last_message_at"), count=Sum("message_count")
    )
    # The conversation keeps the times of messages that retention has deleted.
    changes = {
        "first_message_at": _ignoring_none(min, conversation.first_message_at, totals["first"]),
        "last_message_at": _ignoring_none(max, conversation.last_message_at, totals["last"]),
        "message_count": totals["count"] or 0,
    }
    Conversation.objects.filter(pk=conversation.pk).exclude(**changes).update(**changes)


def _ignoring_none(
    choose: Callable[[Iterable[datetime]], datetime], *moments: datetime | None
) -> datetime | None:
    present = [moment for moment in moments if moment]
    return choose(present) if present else None


def _size(document: Document) -> int:
    return len(dump(document).encode())


def _parts_with_any(
    conversation: Conversation, message_ids: Iterable[str]
) -> Iterator[ConversationMessages]:
    """Yield the parts that have messages with any of these ids.

    From version 14 on, PostgreSQL hashes a constant array in "= ANY" and looks up each id of a part
    in it. The operator && compares every pair of ids, which takes a minute for a long archive.
    """
    has_any = RawSQL(
        "EXISTS (SELECT FROM unnest(message_ids) AS id WHERE id = ANY(%s))",
        [list(message_ids)],
        output_field=BooleanField(),
    )
    yield from _parts(conversation).filter(has_any).iterator(chunk_size=1)


def _parts(conversation: Conversation) -> QuerySet[ConversationMessages]:
    return ConversationMessages.objects.filter(conversation=conversation).order_by("part")
