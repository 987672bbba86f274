"""Reading a transcript page by page, with only the messages of one page in memory.

If DynamoDB has more than one group of messages that are not archived (see `store.batches`), they
are read twice: first for their positions, then for the messages on the page.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice

from django.db import transaction

from apps.conversations.models import Conversation
from apps.messages.archive_parts import merged_places
from apps.messages.deletions import shown_in
from apps.messages.models import ConversationMessages
from apps.messages.statuses import with_statuses
from apps.messages.store import StoredBatch
from apps.messages.transcript import merge_archived_and_stored, unarchived
from apps.messages.versions import Document, identity, merge_documents, order, position


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptPage:
    """A page of messages in the archive's form, oldest first, and the time of the next message."""

    documents: Sequence[Document]
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Segment:
    """A part of the archive, if any, and the positions of the messages that belong in it.

    `new` holds pairs of position and identity.
    """

    part: int | None
    archived: int
    new: list[tuple[str, str]]

    def __len__(self) -> int:
        return self.archived + len(self.new)


class TranscriptIndex:
    """The positions of a conversation's messages at the time of creation. Raise Unavailable."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._home = conversation.group_id
        self._known = merged_places(conversation.uuid)
        self._deletions = shown_in(conversation)
        self._order = order(conversation.group_id)
        batches = self._batches()
        self._first_batches = list(islice(batches, 2))
        stored = self._positions(chain(self._first_batches, batches))
        parts = ConversationMessages.objects.filter(conversation=conversation)
        self._parts = parts.order_by("part")
        # A server-side cursor needs a transaction behind a pooler in transaction mode.
        with transaction.atomic():
            self._segments = list(self._build_segments(stored))
        self.count = sum(len(segment) for segment in self._segments)

    def page(self, *, start: int, length: int) -> TranscriptPage:
        """Return up to `length` messages, from index `start` on. Raise Unavailable."""
        positions, archived = self._slice(start, length + 1)
        following = positions[length:]
        wanted = {name for _, name in positions[:length]}
        documents = merge_archived_and_stored(
            [document for document in archived if identity(document) in wanted],
            self._stored(wanted),
            deletions=self._deletions,
            home=self._home,
        )
        return TranscriptPage(
            documents=with_statuses(documents, conversation=self._conversation),
            next_at=_time(following[0][0]) if following else None,
        )

    def _build_segments(self, stored: dict[str, str]) -> Iterator[_Segment]:
        """Yield a segment for each part, with the messages in DynamoDB that belong in it.

        `stored` maps identities to positions. This function removes archived messages from it.
        """
        firsts: list[tuple[int | None, int, str]] = []
        for part, count, first, ids in self._parts.values_list(
            "part", "message_count", "first_position", "message_ids"
        ).iterator(chunk_size=10):
            firsts.append((part, count, first))
            for name in ids:
                stored.pop(name, None)
        new = self._sorted([(where, name) for name, where in stored.items()])
        for number, (number_of_part, archived, _) in enumerate(firsts or [(None, 0, "")]):
            end = firsts[number + 1][2] if number + 1 < len(firsts) else None
            here = [one for one in new if end is None or self._order(one[0]) < self._order(end)]
            new = new[len(here) :]
            yield _Segment(number_of_part, archived, here)

    def _slice(self, start: int, length: int) -> tuple[list[tuple[str, str]], list[Document]]:
        """Return positions and identities of messages, and the documents of the archived ones."""
        positions: list[tuple[str, str]] = []
        documents: list[Document] = []
        before = 0
        for segment in self._segments:
            first = max(0, start + len(positions) - before)
            if first < len(segment) and len(positions) < length:
                archived = self._documents(segment.part)
                here = self._sorted(
                    [*((position(one), identity(one)) for one in archived), *segment.new]
                )
                taken = here[first : first + length - len(positions)]
                names = {name for _, name in taken}
                positions += taken
                documents += [one for one in archived if identity(one) in names]
            before += len(segment)
        return positions, documents

    def _documents(self, part: int | None) -> list[Document]:
        if part is None:
            return []
        found = self._parts.filter(part=part).first()
        documents: list[Document] = found.messages if found else []
        return documents

    def _stored(self, wanted: Collection[str]) -> list[Document]:
        """Return all versions in DynamoDB of the messages with these identities."""
        batches: Iterator[StoredBatch] = iter(self._first_batches)
        if len(self._first_batches) > 1:
            batches = self._batches()
        return [one for batch in batches for one in batch.documents if identity(one) in wanted]

    def _positions(self, batches: Iterator[StoredBatch]) -> dict[str, str]:
        """Return the position of the first version of each message, by its identity."""
        firsts: dict[str, Document] = {}
        for document in chain.from_iterable(batch.documents for batch in batches):
            known = firsts.get(identity(document))
            versions = [known, document] if known else [document]
            first = merge_documents(versions, home=self._home)
            firsts[identity(document)] = {**first, "edits": []}
        return {name: position(document) for name, document in firsts.items()}

    def _sorted(self, positions: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return sorted(sorted(positions), key=lambda one: self._order(one[0]))

    def _batches(self) -> Iterator[StoredBatch]:
        return unarchived(self._conversation, known=self._known)


def _time(message_position: str) -> datetime:
    return datetime.fromisoformat(message_position.partition("#")[0])
