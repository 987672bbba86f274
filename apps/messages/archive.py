"""Merging messages into a conversation's archive.

Everything here happens under the lock of the conversation's row. An archive only grows: merging
the same messages again gives the same archive, and merging fewer takes nothing away.
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
# A part takes a quarter more before it is divided: dividing it moves the numbers of all after it,
# and those that a long archive consists of are full when a late message comes.
ROOM_FOR_LATE = 4

Document = dict[str, Any]


class ArchiveIncomplete(Exception):
    """A message that was merged is not in the archive: a bug, and nothing may be deleted."""


@transaction.atomic
def merge(*, conversation_uuid: UUID, entries: Sequence[MessageEntry]) -> None:
    """Bring these messages into the archive, in their places, and the conversation up to date.

    Reads and rewrites only the parts that the messages belong to, one at a time. Raises
    ArchiveIncomplete, and changes nothing, if one of them is not in the archive afterwards, and
    Conversation.DoesNotExist if the conversation was erased.
    """
    conversation = Conversation.objects.select_for_update().get(uuid=conversation_uuid)
    documents = _take_known_out(conversation, _as_documents(entries))
    by_part: defaultdict[int, list[Document]] = defaultdict(list)
    first_positions = list(_parts(conversation).values_list("part", "first_position"))
    for document in documents:
        by_part[_home(document, first_positions)].append(document)
    # From the last part to the first: splitting one moves the numbers of those after it.
    for part in sorted(by_part, reverse=True):
        _merge_into_part(conversation, part, by_part[part])
    _check_complete(conversation, entries)
    _update_conversation(conversation)


def position(document: Document) -> str:
    """Where an entry stands: by time, then by sequence number (up to 40 digits, AWS says 20)."""
    return f"{document['created_at']}#{int(document['sequence_number']):040d}"


def _as_documents(entries: Iterable[MessageEntry]) -> list[Document]:
    """One document for each message id; its other versions are its edits."""
    by_id: defaultdict[str, list[Document]] = defaultdict(list)
    for entry in entries:
        by_id[entry.message_id].append(entry.as_json())
    return [_unite(versions) for versions in by_id.values()]


def _take_known_out(conversation: Conversation, documents: list[Document]) -> list[Document]:
    """Unite the documents with what the archive has of the same ids.

    Gives back those whose place is still to be found; an entry that keeps its position is
    rewritten where it stands.
    """
    pending = {document["id"]: document for document in documents}
    for part in _parts_with_any(conversation, pending):
        kept = []
        for archived in part.messages:
            new = pending.pop(archived["id"], None)
            united = _unite([*_versions(archived), *_versions(new)]) if new else archived
            if position(united) == position(archived):
                kept.append(united)
            else:
                pending[united["id"]] = united
        if kept != part.messages:
            _write_part(conversation, part.part, kept)
    return list(pending.values())


def _unite(versions: Iterable[Document]) -> Document:
    """The versions of one message as one entry: the earliest, with the later ones as its edits."""
    earliest_of_key: dict[str, Document] = {}
    for version in sorted(versions, key=position):
        earliest_of_key.setdefault(MessageEntry.from_json(version).key, version)
    first, *edits = earliest_of_key.values()
    return first | ({"edits": edits} if edits else {})


def _versions(document: Document) -> list[Document]:
    original = {name: value for name, value in document.items() if name != "edits"}
    return [original, *document.get("edits", ())]


def _home(document: Document, first_positions: Sequence[tuple[int, str]]) -> int:
    """The last part that begins before the document, else the first."""
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
    """Whether a part may stay one, with late messages in it."""
    if len(messages) > MAX_PART_ENTRIES + MAX_PART_ENTRIES // ROOM_FOR_LATE:
        return False
    max_bytes = MAX_PART_BYTES + MAX_PART_BYTES // ROOM_FOR_LATE
    return sum(_size(message) for message in messages) <= max_bytes


def _split(messages: list[Document]) -> list[list[Document]]:
    """Runs of messages that each stay within a part's bounds; one message is never divided."""
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
    """Read the archive back: what is not in it must not be deleted from DynamoDB."""
    missing = {entry.key for entry in entries}
    ids = {entry.message_id for entry in entries}
    for part in _parts_with_any(conversation, ids):
        for document in part.messages:
            if document["id"] in ids:
                missing -= {MessageEntry.from_json(one).key for one in _versions(document)}
    if missing:
        raise ArchiveIncomplete(f"{len(missing)} message(s) of {conversation} did not arrive")


def _update_conversation(conversation: Conversation) -> None:
    totals = _parts(conversation).aggregate(
        first=Min("first_message_at"), last=Max("last_message_at"), count=Sum("message_count")
    )
    # What was deleted by retention had its time, too.
    changes = {
        "first_message_at": _present(min, conversation.first_message_at, totals["first"]),
        "last_message_at": _present(max, conversation.last_message_at, totals["last"]),
        "message_count": totals["count"] or 0,
    }
    Conversation.objects.filter(pk=conversation.pk).exclude(**changes).update(**changes)


def _present(
    choose: Callable[[Iterable[datetime]], datetime], *moments: datetime | None
) -> datetime | None:
    present = [moment for moment in moments if moment]
    return choose(present) if present else None


def _size(document: Document) -> int:
    return len(dump(document).encode())


def _parts_with_any(
    conversation: Conversation, message_ids: Iterable[str]
) -> Iterator[ConversationMessages]:
    """The parts that have messages with any of these ids, one at a time.

    PostgreSQL looks each of a part's ids up in a hash table (from version 14 on, "= ANY" with a
    constant array). The operator && compares each id with each: a minute for a long archive.
    """
    has_any = RawSQL(
        "EXISTS (SELECT FROM unnest(message_ids) AS id WHERE id = ANY(%s))",
        [list(message_ids)],
        output_field=BooleanField(),
    )
    yield from _parts(conversation).filter(has_any).iterator(chunk_size=1)


def _parts(conversation: Conversation) -> QuerySet[ConversationMessages]:
    return ConversationMessages.objects.filter(conversation=conversation).order_by("part")
