"""Writing a conversation's archive: merging messages into its parts in PostgreSQL.

This module never reads DynamoDB; apps.messages.archiving reads the messages there and calls
`merge`. Everything here happens under the lock of the conversation's row. An archive only grows:
merging the same messages again changes nothing, and merging fewer removes nothing. Only versions of
one message are bounded (apps.messages.version_bounds), and only a deletion takes content away. The
parts keep the places of all versions that they have merged, so that none is merged twice.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.conversations import noted_places
from apps.conversations.models import Conversation
from apps.conversations.places import time_of
from apps.messages.archive_parts import Entry, Keys, Parts, Totals
from apps.messages.entries import MessageEntry
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
    Conversation.DoesNotExist if the conversation was erased. Raise ArchiveIncomplete, and change
    nothing, if a message is missing from the parts that were written.
    """
    conversation = Conversation.objects.select_for_update().get(uuid=conversation_uuid)
    home = conversation.group_id
    parts = Parts(conversation)
    known = parts.all_places()
    new_entries = {key: one for one in entries if (key := one.key(home=home)) not in known}
    if not new_entries and not deletions:
        return 0
    documents = [entry.as_json(home=home) for entry in new_entries.values()]
    keys: defaultdict[str, Keys] = defaultdict(set)
    for key, document in zip(new_entries, documents, strict=True):
        keys[identity(document)].add(key)
    _merge_documents(parts, [*documents, *deletions], keys)
    _check_complete(parts, documents)
    _update_conversation(conversation, parts.totals, new_entries.values())
    return len(new_entries)


def _merge_documents(parts: Parts, documents: Sequence[Document], keys: Mapping[str, Keys]) -> None:
    """Merge documents into the parts. `keys` are the new places of each message."""
    new, orphaned = _merge_with_archived(parts, _by_identity(documents, home=parts.home), keys)
    by_part: defaultdict[int, list[Document]] = defaultdict(list)
    first_positions = parts.first_positions
    for document in new:
        # A deletion whose message is unknown waits outside the archive.
        if not is_only_deletion(document):
            by_part[_part_for(document, first_positions, home=parts.home)].append(document)
    # From the last part to the first, because splitting a part renumbers the later ones.
    for number in sorted(by_part, reverse=True):
        _merge_into_part(parts, number, by_part[number], keys, orphaned)
        orphaned = set()


def _by_identity(documents: Iterable[Document], *, home: str) -> dict[str, Document]:
    """Return one document for each message, with its later versions as edits."""
    by_identity: defaultdict[str, list[Document]] = defaultdict(list)
    for document in documents:
        by_identity[identity(document)].append(document)
    return {name: _merged(versions, home=home) for name, versions in by_identity.items()}


def _merge_with_archived(
    parts: Parts, pending: dict[str, Document], keys: Mapping[str, Keys]
) -> tuple[list[Document], Keys]:
    """Merge the documents with the archived entries of the same messages.

    An entry that keeps its position is rewritten in its part. Return the other documents: those
    that are new, and those whose entry has left its part because it moved. Also return the places
    of the parts that were deleted because such moves had emptied them.
    """
    orphaned: Keys = set()
    for number, messages in parts.with_any(list(pending)):
        kept = []
        places = before = parts.places(number)
        for archived in messages:
            name = identity(archived)
            new = pending.pop(name, None)
            merged = _merged([archived, new], home=parts.home) if new else archived
            if position(merged) == position(archived):
                kept.append(merged)
                places = places | (keys[name] if new and name in keys else set())
            else:
                pending[name] = merged
        if not kept:
            orphaned |= places
        if kept != messages or places != before:
            parts.write(number, list(map(Entry.of, kept)), places=places)
    return list(pending.values()), orphaned


def _merged(documents: Sequence[Document], *, home: str) -> Document:
    entry = merge_documents(documents, home=home)
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
    parts: Parts,
    number: int,
    documents: list[Document],
    keys: Mapping[str, Keys],
    orphaned: Keys,
) -> None:
    """Add documents with their places to a part, and orphaned places of other parts.

    If the part is split, the first one keeps the places that it had.
    """
    before = parts.messages(number)
    entries = list(map(Entry.of, in_order([*before, *documents], home=parts.home)))
    first, *rest = [entries] if before and _has_room(entries) else _split(entries)
    if rest:
        parts.make_room(after=number, count=len(rest))
    new = {identity(document) for document in documents}
    places = orphaned | parts.places(number)
    for offset, run in enumerate((first, *rest)):
        for name in new.intersection(identity(entry.document) for entry in run):
            places |= keys.get(name, set())
        parts.write(number + offset, run, places=places)
        places = set()


def _has_room(entries: Sequence[Entry]) -> bool:
    """Return whether these entries fit into one part that has received late messages."""
    if len(entries) > MAX_PART_ENTRIES + MAX_PART_ENTRIES // LATE_MESSAGES_DIVISOR:
        return False
    max_bytes = MAX_PART_BYTES + MAX_PART_BYTES // LATE_MESSAGES_DIVISOR
    return sum(entry.size for entry in entries) <= max_bytes


def _split(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Return the entries in runs that each fit into a part; an entry is never divided."""
    runs: list[list[Entry]] = [[]]
    size = 0
    for entry in entries:
        entry_size = entry.size
        full = len(runs[-1]) >= MAX_PART_ENTRIES or size + entry_size > MAX_PART_BYTES
        if runs[-1] and full:
            runs.append([])
            size = 0
        runs[-1].append(entry)
        size += entry_size
    return runs


def _check_complete(parts: Parts, documents: Iterable[Document]) -> None:
    """Raise ArchiveIncomplete if a message is in none of the entries that were written.

    Its place is known from now on, so it would never be merged again.
    """
    missing = [one for one in documents if not _has(parts.written.get(identity(one)), one)]
    if missing:
        raise ArchiveIncomplete(f"{len(missing)} message(s) are missing from an archive")


def _has(entry: Document | None, version: Document) -> bool:
    """Return whether an entry has a version, or may have dropped or deleted it."""
    if entry is None:
        return False
    if entry is version or "deleted" in entry:
        return True
    text = body(version)
    return has_dropped(entry, text) or text in map(body, versions_of(entry))


def _update_conversation(
    conversation: Conversation, totals: Totals, entries: Collection[MessageEntry]
) -> None:
    # Repeats count here too, so that the order of merging makes no difference.
    times = [time_of(entry.place) for entry in entries]
    own = [entry.place for entry in entries if entry.place.group == conversation.group_id]
    archived = noted_places.newest_archived(conversation)
    newest = max([*own, *([archived] if archived else [])], default=None)
    # The conversation keeps the times of messages that retention has deleted.
    changes = {
        "first_message_at": _ignoring_none(
            min, conversation.first_message_at, totals.first_at, *times
        ),
        "last_message_at": _ignoring_none(
            max, conversation.last_message_at, totals.last_at, *times
        ),
        "message_count": totals.messages,
        "newest_at": time_of(newest) if newest else None,
        "newest_sequence": newest.sequence_number if newest else None,
        "archive_deleted_at": None if totals.messages else conversation.archive_deleted_at,
    }
    if any(getattr(conversation, name) != value for name, value in changes.items()):
        Conversation.objects.filter(pk=conversation.pk).update(**changes)


def _ignoring_none(
    choose: Callable[[Iterable[datetime]], datetime], *moments: datetime | None
) -> datetime | None:
    present = [moment for moment in moments if moment]
    return choose(present) if present else None
