"""Writing a conversation's archive: merging messages into its parts in PostgreSQL.

This module never reads DynamoDB; apps.messages.archiving reads the messages there and calls
`merge`. Everything here happens under the lock of the conversation's row. An archive only grows:
merging the same messages again changes nothing, and merging fewer removes nothing. Only versions of
one message are bounded (apps.messages.version_bounds), and only a deletion takes content away. The
parts keep the places of all versions that they have merged, so that none is merged twice.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.db import transaction

from apps.messages import archive_totals
from apps.messages.archive_parts import Keys, Parts
from apps.messages.version_bounds import dropped_count, has_dropped
from apps.messages.versions import (
    Document,
    Encoded,
    body,
    encoded_in_order,
    identity,
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
    versions: Mapping[str, Encoded],
    deletions: Sequence[Document] = (),
) -> int:
    """Merge messages whose places no part has, in order; return how many versions were merged.

    `versions` are versions of messages, by the keys of their items. `deletions` are merged with the
    messages that they delete, in the archive and among the versions. Also updates the
    conversation's totals.

    Reads and rewrites only the parts that the messages belong to, one at a time. Raise
    Conversation.DoesNotExist if the conversation was erased. Raise ArchiveIncomplete, and change
    nothing, if a message is missing from the parts that were written.
    """
    conversation = archive_totals.lock(conversation_uuid)
    parts = Parts(conversation)
    known = parts.all_places()
    new = {key: version for key, version in versions.items() if key not in known}
    if not new and not deletions:
        return 0
    keys: defaultdict[str, Keys] = defaultdict(set)
    for key, version in new.items():
        keys[identity(version.document)].add(key)
    _merge_versions(parts, [*new.values(), *map(Encoded.of, deletions)], keys)
    _check_complete(parts, [version.document for version in new.values()])
    archive_totals.update(conversation, parts.totals, new)
    return len(new)


def _merge_versions(parts: Parts, versions: Sequence[Encoded], keys: dict[str, Keys]) -> None:
    """Merge versions into the parts. `keys` are the new places of each message."""
    new, orphaned = _merge_with_archived(parts, _by_identity(versions, home=parts.home), keys)
    by_part: defaultdict[int, list[Encoded]] = defaultdict(list)
    key = order(parts.home)
    last_to_first = [(number, key(first)) for number, first in reversed(parts.first_positions)]
    for entry in new:
        # A deletion whose message is unknown waits outside the archive.
        if not is_only_deletion(entry.document):
            own = key(position(entry.document))
            # The last part that begins at or before the entry, or else the first part.
            by_part[next((part for part, first in last_to_first if first <= own), 0)].append(entry)
    # From the last part to the first, because splitting a part renumbers the later ones.
    for number in sorted(by_part, reverse=True):
        _merge_into_part(parts, number, by_part[number], keys, orphaned)
        orphaned = set()


def _by_identity(versions: Iterable[Encoded], *, home: str) -> dict[str, Encoded]:
    """Return one entry for each message, with its later versions as edits."""
    by_identity: defaultdict[str, list[Encoded]] = defaultdict(list)
    for version in versions:
        by_identity[identity(version.document)].append(version)
    return {name: _merged(of_message, home=home) for name, of_message in by_identity.items()}


def _merge_with_archived(
    parts: Parts, pending: dict[str, Encoded], keys: dict[str, Keys]
) -> tuple[list[Encoded], Keys]:
    """Merge the entries with the archived entries of the same messages.

    An entry that keeps its position is rewritten in its part. Return the other entries: those that
    are new, and those that have left their part because they moved. Also return the places of the
    parts that were deleted because such moves had emptied them.
    """
    orphaned: Keys = set()
    for number, messages in parts.with_any(list(pending)):
        kept = []
        places = before = parts.places(number)
        for archived in map(Encoded.of, messages):
            name = identity(archived.document)
            new = pending.pop(name, None)
            merged = _merged([archived, new], home=parts.home) if new else archived
            if position(merged.document) == position(archived.document):
                kept.append(merged)
                places = places | keys.pop(name, set())
            else:
                pending[name] = merged
        if not kept:
            orphaned |= places
        if [entry.document for entry in kept] != messages or places != before:
            parts.write(number, kept, places=places)
    return list(pending.values()), orphaned


def _merged(entries: Sequence[Encoded], *, home: str) -> Encoded:
    """Return entries of one message as one entry."""
    if len(entries) == 1:
        return entries[0]
    documents = [entry.document for entry in entries]
    merged = merge_documents(documents, home=home)
    if dropped_count(merged) > max(map(dropped_count, documents)):
        logger.warning("versions_dropped", extra={"versions": dropped_count(merged)})
    return Encoded.of(merged)


def _merge_into_part(
    parts: Parts, number: int, new: Sequence[Encoded], keys: dict[str, Keys], orphaned: Keys
) -> None:
    """Add entries with their places to a part, and orphaned places of other parts.

    A part without room for them is split, and the first one keeps the places that it had. But if
    all entries belong behind it, they get parts of their own, and it is neither read nor written.
    """
    entries = encoded_in_order(new, home=parts.home)
    has_room = _has_room(parts, number, entries)
    if parts.has(number) and not has_room and _is_behind(parts, number, entries[0]):
        runs = _split(entries)
        parts.make_room(after=number, count=len(runs))
        _write(parts, number + 1, runs, keys, orphaned)
        return
    archived = map(Encoded.of, parts.messages(number))
    entries = encoded_in_order([*archived, *entries], home=parts.home)
    runs = [entries] if has_room else _split(entries)
    parts.make_room(after=number, count=len(runs) - 1)
    _write(parts, number, runs, keys, orphaned | parts.places(number))


def _write(
    parts: Parts,
    first: int,
    runs: Iterable[Sequence[Encoded]],
    keys: dict[str, Keys],
    places: Keys,
) -> None:
    """Write runs of entries with their places as parts. The first one also gets other places."""
    for number, run in enumerate(runs, start=first):
        for entry in run:
            places |= keys.pop(identity(entry.document), set())
        parts.write(number, run, places=places)
        places = set()


def _has_room(parts: Parts, number: int, entries: Sequence[Encoded]) -> bool:
    """Return whether a part can receive these late messages without being split."""
    if not parts.has(number):
        return False
    count = parts.message_count(number) + len(entries)
    size = parts.size(number) + sum(entry.size for entry in entries)
    max_entries = MAX_PART_ENTRIES + MAX_PART_ENTRIES // LATE_MESSAGES_DIVISOR
    max_bytes = MAX_PART_BYTES + MAX_PART_BYTES // LATE_MESSAGES_DIVISOR
    return count <= max_entries and size <= max_bytes


def _is_behind(parts: Parts, number: int, entry: Encoded) -> bool:
    """Return whether an entry belongs behind all entries of a part."""
    key = order(parts.home)
    return bool(key(parts.last_position(number)) < key(position(entry.document)))


def _split(entries: Iterable[Encoded]) -> list[list[Encoded]]:
    """Return the entries in runs that each fit into a part; an entry is never divided."""
    runs: list[list[Encoded]] = [[]]
    size = 0
    for entry in entries:
        full = len(runs[-1]) >= MAX_PART_ENTRIES or size + entry.size > MAX_PART_BYTES
        if runs[-1] and full:
            runs.append([])
            size = 0
        runs[-1].append(entry)
        size += entry.size
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
