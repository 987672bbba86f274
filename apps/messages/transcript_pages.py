"""A transcript page by page: of a long one no more is held at once than a page is made of.

Where DynamoDB has more than a batch of the conversation, it is read twice: for the places of its
messages, and for those that are on the page. What is being archived between the two may be missing
from the page until it is loaded again.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.messages import store
from apps.messages.archive import position
from apps.messages.entries import MessageEntry
from apps.messages.models import ConversationMessages
from apps.messages.store import StoredBatch
from apps.messages.transcript import together

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptPage:
    """Messages in the archive's form, oldest first, and when the one after them was written."""

    documents: Sequence[Document]
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Segment:
    """A part of the archive, if any, and the places of messages that have yet to come into it."""

    part: int | None
    archived: int
    new: list[tuple[str, str]]

    def __len__(self) -> int:
        return self.archived + len(self.new)


class TranscriptIndex:
    """Where the messages of a conversation are, now; raises Unavailable."""

    def __init__(self, conversation_uuid: UUID) -> None:
        self._conversation_uuid = conversation_uuid
        batches = store.batches(conversation_uuid)
        # What moves meanwhile is in the archive before it leaves DynamoDB: so that one is first.
        self._first_batches = list(islice(batches, 2))
        stored = _places(_chained(self._first_batches, batches))
        parts = ConversationMessages.objects.filter(conversation_id=conversation_uuid)
        self._parts = parts.order_by("part")
        # In a transaction, whose cursor works behind a pooler, too.
        with transaction.atomic():
            self._segments = list(self._made_segments(stored))
        self.count = sum(len(segment) for segment in self._segments)

    def page(self, *, start: int, length: int) -> TranscriptPage:
        """So many messages from the one at `start`, counted from 0. Raises Unavailable."""
        places, archived = self._slice(start, length + 1)
        following = places[length:]
        wanted = {message_id for _, message_id in places[:length]}
        return TranscriptPage(
            documents=together(
                [document for document in archived if document["id"] in wanted],
                self._stored(wanted),
            ),
            next_at=_time(following[0][0]) if following else None,
        )

    def _made_segments(self, stored: dict[str, str]) -> Iterator[_Segment]:
        """One for each part, with the stored messages that no part has and that belong there."""
        firsts: list[tuple[int | None, int, str]] = []
        for part, count, first, ids in self._parts.values_list(
            "part", "message_count", "first_position", "message_ids"
        ).iterator(chunk_size=10):
            firsts.append((part, count, first))
            for message_id in ids:
                stored.pop(message_id, None)
        new = sorted((place, message_id) for message_id, place in stored.items())
        for number, (number_of_part, archived, _) in enumerate(firsts or [(None, 0, "")]):
            end = firsts[number + 1][2] if number + 1 < len(firsts) else None
            here = [one for one in new if end is None or one[0] < end]
            new = new[len(here) :]
            yield _Segment(number_of_part, archived, here)

    def _slice(self, start: int, length: int) -> tuple[list[tuple[str, str]], list[Document]]:
        """The places of these messages, and those of them that are archived."""
        places: list[tuple[str, str]] = []
        documents: list[Document] = []
        before = 0
        for segment in self._segments:
            first = max(0, start + len(places) - before)
            if first < len(segment) and len(places) < length:
                archived = self._documents(segment.part)
                here = sorted([*((position(one), one["id"]) for one in archived), *segment.new])
                taken = here[first : first + length - len(places)]
                ids = {message_id for _, message_id in taken}
                places += taken
                documents += [one for one in archived if one["id"] in ids]
            before += len(segment)
        return places, documents

    def _documents(self, part: int | None) -> list[Document]:
        if part is None:
            return []
        found = self._parts.filter(part=part).first()
        documents: list[Document] = found.messages if found else []
        return documents

    def _stored(self, wanted: Collection[str]) -> list[MessageEntry]:
        """All versions in DynamoDB of the messages that are wanted, oldest first."""
        batches: Iterator[StoredBatch] = iter(self._first_batches)
        if len(self._first_batches) > 1:
            batches = store.batches(self._conversation_uuid)
        return [one for batch in batches for one in batch.entries if one.message_id in wanted]


def _chained(first: list[StoredBatch], rest: Iterator[StoredBatch]) -> Iterator[StoredBatch]:
    yield from first
    yield from rest


def _places(batches: Iterator[StoredBatch]) -> dict[str, str]:
    """Where the first version of each message stands, by its id."""
    places: dict[str, str] = {}
    for batch in batches:
        for entry in batch.entries:
            if entry.message_id not in places:
                places[entry.message_id] = position(entry.as_json())
    return places


def _time(place: str) -> datetime:
    return datetime.fromisoformat(place.partition("#")[0])
