"""The parts of an archive: reading, finding and writing their rows.

The caller holds the lock of the conversation's row while it writes.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import BooleanField, F, JSONField, QuerySet, TextField, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast

from apps.common.lossless_json import dump
from apps.conversations.models import Conversation
from apps.conversations.places import time_of
from apps.messages.entries import parse_place
from apps.messages.merged_places import pack, unpack
from apps.messages.models import ConversationMessages
from apps.messages.versions import Document, identity, position, versions_of

Keys = set[str]


class Entry(NamedTuple):
    """An entry of an archive with its JSON, from which it is measured and stored."""

    document: Document
    json: str

    @classmethod
    def of(cls, document: Document) -> "Entry":
        """Return the entry of a document."""
        return cls(document, dump(document))

    @property
    def size(self) -> int:
        """The bytes of the JSON."""
        return len(self.json.encode())


class Totals(NamedTuple):
    """The queue times of the first and the last message of an archive, and their number."""

    first_at: datetime | None
    last_at: datetime | None
    messages: int


class Parts:
    """The parts of one conversation's archive while messages are merged into it.

    Their rows are read once, without the messages. `written` are the entries that were written, by
    their identities.
    """

    def __init__(self, conversation: Conversation) -> None:
        self.home = conversation.group_id
        self.written: dict[str, Document] = {}
        self._conversation = conversation
        rows = _of(conversation.uuid).defer("messages", "message_ids")
        self._rows = {row.part: row for row in rows}

    @property
    def first_positions(self) -> list[tuple[int, str]]:
        """The number and the first position of each part, in order."""
        return [(number, self._rows[number].first_position) for number in sorted(self._rows)]

    @property
    def totals(self) -> Totals:
        """The totals of all parts."""
        rows = self._rows.values()
        return Totals(
            first_at=min((row.first_message_at for row in rows), default=None),
            last_at=max((row.last_message_at for row in rows), default=None),
            messages=sum(row.message_count for row in rows),
        )

    def all_places(self) -> Keys:
        """Return the places that any part has merged."""
        return set[str]().union(*(self.places(number) for number in self._rows))

    def places(self, number: int) -> Keys:
        """Return the places that a part has merged, or none if there is no such part."""
        return unpack(self._rows[number].merged_places) if number in self._rows else set()

    def messages(self, number: int) -> list[Document]:
        """Read the entries of a part from PostgreSQL. Return none if there is no such part."""
        if number not in self._rows:
            return []
        messages = self._numbered(number).values_list("messages", flat=True)
        return list(messages.get())

    def with_any(self, identities: Iterable[str]) -> Iterator[tuple[int, list[Document]]]:
        """Read the parts that have any of these messages, and yield their numbers and entries.

        From version 14 on, PostgreSQL hashes a constant array in "= ANY" and looks up each id of a
        part in it. The operator && compares every pair of ids, which takes a minute for a long
        archive.
        """
        if not self._rows:
            return
        has_any = RawSQL(
            "EXISTS (SELECT FROM unnest(message_ids) AS id WHERE id = ANY(%s))",
            [list(identities)],
            output_field=BooleanField(),
        )
        found = _of(self._conversation.uuid).filter(has_any).values_list("part", "messages")
        yield from found.iterator(chunk_size=1)

    def make_room(self, *, after: int, count: int) -> None:
        """Renumber the parts after this one, so that `count` parts can be written behind it."""
        _of(self._conversation.uuid).filter(part__gt=after).update(part=F("part") + count)
        self._rows = {
            number + count if number > after else number: row for number, row in self._rows.items()
        }

    def write(self, number: int, entries: Sequence[Entry], *, places: Keys) -> None:
        """Write a part with these entries and places, or delete it if it has no entries."""
        if not entries:
            self._numbered(number).delete()
            self._rows.pop(number, None)
            return
        documents = [entry.document for entry in entries]
        ids = [identity(document) for document in documents]
        content = {**_bounds(documents, home=self.home), "merged_places": pack(places)}
        stored: dict[str, Any] = {
            **content,
            "messages": _json_array(entries),
            "message_ids": ids,
            "size": sum(entry.size for entry in entries),
        }
        if number in self._rows:
            self._numbered(number).update(**stored)
        else:
            ConversationMessages.objects.create(
                conversation=self._conversation, part=number, **stored
            )
        self._rows[number] = ConversationMessages(part=number, **content)
        self.written.update(zip(ids, documents, strict=True))

    def _numbered(self, number: int) -> QuerySet[ConversationMessages]:
        return _of(self._conversation.uuid).filter(part=number)


def merged_places(conversation_uuid: UUID) -> Keys:
    """Return the places, as keys of items in DynamoDB, that the parts of an archive have merged."""
    packed = _of(conversation_uuid).values_list("merged_places", flat=True)
    return set[str]().union(*(unpack(one) for one in packed))


def identities(conversation_uuid: UUID) -> set[str]:
    """Return the identities of the messages in an archive."""
    return set[str]().union(*_of(conversation_uuid).values_list("message_ids", flat=True))


def _of(conversation_uuid: UUID) -> QuerySet[ConversationMessages]:
    return ConversationMessages.objects.filter(conversation=conversation_uuid).order_by("part")


def _bounds(documents: Sequence[Document], *, home: str) -> dict[str, Any]:
    times = [
        time_of(parse_place(version["place"], home=home))
        for document in documents
        for version in versions_of(document)
    ]
    return {
        "first_position": position(documents[0]),
        "first_message_at": min(times),
        "last_message_at": max(times),
        "message_count": len(documents),
    }


def _json_array(entries: Sequence[Entry]) -> Cast:
    """Return the entries as an expression of type jsonb, so that they are not encoded again."""
    text = ",".join(entry.json for entry in entries)
    return Cast(Value(f"[{text}]", output_field=TextField()), JSONField())
