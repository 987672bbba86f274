"""Writing a conversation's archive: merging messages into its parts in PostgreSQL.

This module never reads DynamoDB; apps.messages.archiving reads the messages there and calls
`merge`. Everything here happens under the lock of the conversation's row. An archive only grows:
merging the same messages again changes nothing, and merging fewer removes nothing. Only versions of
one message are bounded (apps.messages.version_bounds), and only a deletion takes content away. The
parts keep the places of all versions that they have merged, so that none is merged twice.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max, Min, Sum

from apps.conversations import noted_places
from apps.conversations.models import Conversation
from apps.conversations.places import time_of
from apps.messages.archive_parts import (
    Keys,
    merged_places,
    parts_of,
    parts_with_any,
    size_of,
    write_part,
)
from apps.messages.entries import MessageEntry
from apps.messages.merged_places import unpack
from apps.messages.version_bounds import dropped_count, has_dropped
from apps.messages.versions import (
    Document,
    body,
    identity,
    in_order,
    is_only_deletion,
    merge_documents,
    order,
    position,
    versions_of,
)

MAX_PART_ENTRIES = 1_000
MAX_PART_BYTES = 4_000_000
# Late messages may fill a part to a quarter above its bounds before it is split. The parts of a
# long archive are full, and splitting one renumbers all later parts.
LATE_MESSAGES_DIVISOR = 4

logger = logging.getLogger(__name__)


class ArchiveIncomplete(Exception):
    """A merged message is missing from the archive. This is a bug; nothing is changed."""


@transaction.atomic
def merge(
    *,
    conversation_uuid: UUID,
    entries: Sequence[MessageEntry],
    deletions: Sequence[Document] = (),
) -> int:
    """Merge messages whose places no part has, in order; return how many versions were merged.

    `deletions` are merged with the messages that they delete, in the archive and among the entries.
    Also updates the conversation's totals.

    Reads and rewrites only the parts that the messages belong to, one at a time. Raise
    Conversation.DoesNotExist if the conversation was erased. Raise ArchiveIncomplete, and changes
    nothing, if a message is missing from the archive afterwards.
    """
    conversation = Conversation.objects.select_for_update().get(uuid=conversation_uuid)
    home = conversation.group_id
    known = merged_places(conversation_uuid)
    new_entries = [entry for entry in entries if entry.key(home=home) not in known]
    if not new_entries and not deletions:
        return 0
    documents = [entry.as_json(home=home) for entry in new_entries]
    keys: defaultdict[str, Keys] = defaultdict(set)
    for entry, document in zip(new_entries, documents, strict=True):
        keys[identity(document)].add(entry.key(home=home))
    _merge_documents(conversation, [*documents, *deletions], keys)
    _check_complete(conversation, documents)
    _update_conversation(conversation, new_entries)
    return len(new_entries)


def _merge_documents(
    conversation: Conversation, documents: Sequence[Document], keys: Mapping[str, Keys]
) -> None:
    """Merge documents into the parts. `keys` are the new places of each message."""
    pending = _by_identity(documents, conversation)
    new, orphaned = _merge_with_archived(conversation, pending, keys)
    by_part: defaultdict[int, list[Document]] = defaultdict(list)
    first_positions = list(parts_of(conversation).values_list("part", "first_position"))
    for document in new:
        # A deletion whose message is unknown waits outside the archive.
        if not is_only_deletion(document):
            part = _part_for(document, first_positions, home=conversation.group_id)
            by_part[part].append(document)
    # From the last part to the first, because splitting a part renumbers the later ones.
    for part in sorted(by_part, reverse=True):
        _merge_into_part(conversation, part, by_part[part], keys, orphaned)
        orphaned = set()


def _by_identity(documents: Iterable[Document], conversation: Conversation) -> dict[str, Document]:
    """Return one document for each message, with its later versions as edits."""
    by_identity: defaultdict[str, list[Document]] = defaultdict(list)
    for document in documents:
        by_identity[identity(document)].append(document)
    return {name: _merged(versions, conversation) for name, versions in by_identity.items()}


def _merge_with_archived(
    conversation: Conversation, pending: dict[str, Document], keys: Mapping[str, Keys]
) -> tuple[list[Document], Keys]:
    """Merge the documents with the archived entries of the same messages.

    An entry that keeps its position is rewritten in its part. Return the other documents: those
    that are new, and those whose entry has left its part because it moved. Also return the places
    of the parts that were deleted because such moves had emptied them.
    """
    orphaned: Keys = set()
    for part in parts_with_any(conversation, list(pending)):
        kept = []
        places = before = unpack(part.merged_places)
        for archived in part.messages:
            name = identity(archived)
            new = pending.pop(name, None)
            merged = _merged([archived, new], conversation) if new else archived
            if position(merged) == position(archived):
                kept.append(merged)
                places = places | (keys[name] if new and name in keys else set())
            else:
                pending[name] = merged
        if not kept:
            orphaned |= places
        if kept != part.messages or places != before:
            write_part(conversation, part.part, kept, places)
    return list(pending.values()), orphaned


def _merged(documents: Sequence[Document], conversation: Conversation) -> Document:
    entry = merge_documents(documents, home=conversation.group_id)
    if dropped_count(entry) > max(map(dropped_count, documents)):
        logger.warning("versions_dropped", extra={"versions": dropped_count(entry)})
    return entry


def _part_for(document: Document, first_positions: Sequence[tuple[int, str]], *, home: str) -> int:
    """Return the last part that begins at or before the document, or else the first part."""
    key = order(home)
    own = key(position(document))
    earlier = [part for part, first in first_positions if key(first) <= own]
    return earlier[-1] if earlier else 0


def _merge_into_part(
    conversation: Conversation,
    number: int,
    documents: list[Document],
    keys: Mapping[str, Keys],
    orphaned: Keys,
) -> None:
    """Add documents with their places to a part, and orphaned places of other parts.

    If the part is split, the first one keeps the places that it had.
    """
    part = parts_of(conversation).filter(part=number).first()
    messages = in_order([*(part.messages if part else ()), *documents], home=conversation.group_id)
    first, *rest = [messages] if part and _has_room(messages) else _split(messages)
    if rest:
        parts_of(conversation).filter(part__gt=number).update(part=F("part") + len(rest))
    new = {identity(document) for document in documents}
    places = orphaned | (unpack(part.merged_places) if part else set())
    for offset, messages_of_part in enumerate((first, *rest)):
        for name in new.intersection(map(identity, messages_of_part)):
            places |= keys.get(name, set())
        write_part(conversation, number + offset, messages_of_part, places)
        places = set()


def _has_room(messages: list[Document]) -> bool:
    """Return whether these messages fit into one part that has received late messages."""
    if len(messages) > MAX_PART_ENTRIES + MAX_PART_ENTRIES // LATE_MESSAGES_DIVISOR:
        return False
    max_bytes = MAX_PART_BYTES + MAX_PART_BYTES // LATE_MESSAGES_DIVISOR
    return sum(size_of(message) for message in messages) <= max_bytes


def _split(messages: list[Document]) -> list[list[Document]]:
    """Return the messages in runs that each fit into a part; a message is never divided."""
    runs: list[list[Document]] = [[]]
    size = 0
    for message in messages:
        message_size = size_of(message)
        full = len(runs[-1]) >= MAX_PART_ENTRIES or size + message_size > MAX_PART_BYTES
        if runs[-1] and full:
            runs.append([])
            size = 0
        runs[-1].append(message)
        size += message_size
    return runs


def _check_complete(conversation: Conversation, documents: Sequence[Document]) -> None:
    """Read the archive back, because these messages are never merged again.

    Raise ArchiveIncomplete if one is missing.
    """
    missing = {(identity(document), body(document)) for document in documents}
    identities = {identity(document) for document in documents}
    for part in parts_with_any(conversation, identities):
        for document in part.messages:
            name = identity(document)
            if name in identities:
                missing -= {(name, body(version)) for version in versions_of(document)}
                missing -= {
                    (of, text)
                    for of, text in missing
                    if of == name and ("deleted" in document or has_dropped(document, text))
                }
    if missing:
        raise ArchiveIncomplete(
            f"{len(missing)} message(s) of {conversation} are missing from its archive"
        )


def _update_conversation(conversation: Conversation, entries: Sequence[MessageEntry]) -> None:
    totals = parts_of(conversation).aggregate(
        first=Min("first_message_at"), last=Max("last_message_at"), count=Sum("message_count")
    )
    # Repeats count here too, so that the order of merging makes no difference.
    times = [time_of(entry.place) for entry in entries]
    own = [entry.place for entry in entries if entry.place.group == conversation.group_id]
    archived = noted_places.newest_archived(conversation)
    newest = max([*own, *([archived] if archived else [])], default=None)
    # The conversation keeps the times of messages that retention has deleted.
    changes = {
        "first_message_at": _ignoring_none(
            min, conversation.first_message_at, totals["first"], *times
        ),
        "last_message_at": _ignoring_none(
            max, conversation.last_message_at, totals["last"], *times
        ),
        "message_count": totals["count"] or 0,
        "newest_at": time_of(newest) if newest else None,
        "newest_sequence": newest.sequence_number if newest else None,
        "archive_deleted_at": conversation.archive_deleted_at if totals["count"] is None else None,
    }
    Conversation.objects.filter(pk=conversation.pk).exclude(**changes).update(**changes)


def _ignoring_none(
    choose: Callable[[Iterable[datetime]], datetime], *moments: datetime | None
) -> datetime | None:
    present = [moment for moment in moments if moment]
    return choose(present) if present else None
