"""Reading a transcript page by page, with only the messages of one page in memory.

If DynamoDB has more than one group of the conversation's messages (see `store.batches`), they are
read twice: first for their positions, then for the messages on the page. A message that is archived
between the two reads may be missing from the page until the page is reloaded.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.messages import store
from apps.messages.archive import position
from apps.messages.entries import MessageEntry
from apps.messages.models import ConversationMessages
from apps.messages.store import StoredBatch
from apps.messages.transcript import merge_archived_and_stored

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptPage:
    """A page of messages in the archive's form, oldest first, and the time of the next message."""

    documents: Sequence[Document]
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Segment:
    """A part of the archive, if any, and the positions of messages that belong into it.

    `new` holds pairs of position and message id.
    """

    part: int | None
    archived: int
    new: list[tuple[str, str]]

    def __len__(self) -> int:
        return self.archived + len(self.new)


class TranscriptIndex:
    """The positions of a conversation's messages at the time of creation. Raises Unavailable."""

    def __init__(self, conversation_uuid: UUID) -> None:
        self._conversation_uuid = conversation_uuid
        batches = store.batches(conversation_uuid)
        # DynamoDB is read first: a message that moves meanwhile is archived before DynamoDB loses
        # it.
        self._first_batches = list(islice(batches, 2))
        stored = _positions(chain(self._first_batches, batches))
        parts = ConversationMessages.objects.filter(conversation_id=conversation_uuid)
        self._parts = parts.order_by("part")
        # A server-side cursor needs a transaction behind a pooler in transaction mode.
        with transaction.atomic():
            self._segments = list(self._build_segments(stored))
        self.count = sum(len(segment) for segment in self._segments)

    def page(self, *, start: int, length: int) -> TranscriptPage:
        """Return up to `length` messages, from index `start` on. Raises Unavailable."""
        positions, archived = self._slice(start, length + 1)
        following = positions[length:]
        wanted = {message_id for _, message_id in positions[:length]}
        return TranscriptPage(
            documents=merge_archived_and_stored(
                [document for document in archived if document["id"] in wanted],
                self._stored_entries(wanted),
            ),
            next_at=_time(following[0][0]) if following else None,
        )

    def _build_segments(self, stored: dict[str, str]) -> Iterator[_Segment]:
        """Yield a segment for each part, with the messages in DynamoDB that belong into it.

        `stored` maps message ids to positions. This function removes archived messages from it.
        """
        firsts: list[tuple[int | None, int, str]] = []
        for part, count, first, ids in self._parts.values_list(
            "part", "message_count", "first_position", "message_ids"
        ).iterator(chunk_size=10):
            firsts.append((part, count, first))
            for message_id in ids:
                stored.pop(message_id, None)
        new = sorted(
            (message_position, message_id) for message_id, message_position in stored.items()
        )
        for number, (number_of_part, archived, _) in enumerate(firsts or [(None, 0, "")]):
            end = firsts[number + 1][2] if number + 1 < len(firsts) else None
            here = [one for one in new if end is None or one[0] < end]
            new = new[len(here) :]
            yield _Segment(number_of_part, archived, here)

    def _slice(self, start: int, length: int) -> tuple[list[tuple[str, str]], list[Document]]:
        """Return positions and ids of these messages, and the documents of the archived ones."""
        positions: list[tuple[str, str]] = []
        documents: list[Document] = []
        before = 0
        for segment in self._segments:
            first = max(0, start + len(positions) - before)
            if first < len(segment) and len(positions) < length:
                archived = self._documents(segment.part)
                here = sorted([*((position(one), one["id"]) for one in archived), *segment.new])
                taken = here[first : first + length - len(positions)]
                ids = {message_id for _, message_id in taken}
                positions += taken
                documents += [one for one in archived if one["id"] in ids]
            before += len(segment)
        return positions, documents

    def _documents(self, part: int | None) -> list[Document]:
        if part is None:
            return []
        found = self._parts.filter(part=part).first()
        documents: list[Document] = found.messages if found else []
        return documents

    def _stored_entries(self, wanted: Collection[str]) -> list[MessageEntry]:
        """Return all versions in DynamoDB of the messages with these ids, oldest first."""
        batches: Iterator[StoredBatch] = iter(self._first_batches)
        if len(self._first_batches) > 1:
            batches = store.batches(self._conversation_uuid)
        return [one for batch in batches for one in batch.entries if one.message_id in wanted]


def _positions(batches: Iterator[StoredBatch]) -> dict[str, str]:
    """Return the position of the first version of each message, by its id."""
    positions: dict[str, str] = {}
    for batch in batches:
        for entry in batch.entries:
            if entry.message_id not in positions:
                positions[entry.message_id] = position(entry.as_json())
    return positions


def _time(message_position: str) -> datetime:
    return datetime.fromisoformat(message_position.partition("#")[0])
