"""The parts of an archive: reading, finding and writing their rows.

The caller holds the lock of the conversation's row while it writes.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import BooleanField, F, JSONField, QuerySet, TextField, Value
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Cast

from apps.common.compiled_queries import CompiledQuery, Parameter
from apps.conversations.models import Conversation
from apps.conversations.places import as_datetime
from apps.messages.entries import queue_time_of
from apps.messages.merged_places import pack, unpack
from apps.messages.models import ConversationMessages
from apps.messages.versions import Document, Encoded, identity, position

Keys = set[str]

_MERGED_PLACES = CompiledQuery(
    lambda: ConversationMessages.objects.filter(
        conversation_id=Parameter("conversation")
    ).values_list("merged_places")
)
_MESSAGE_IDS = CompiledQuery(
    lambda: ConversationMessages.objects.filter(
        conversation_id=Parameter("conversation")
    ).values_list("message_ids")
)


class Totals(NamedTuple):
    """The queue times of the first and the last message of an archive, and their number."""

    first_at: datetime | None
    last_at: datetime | None
    messages: int


class Parts:
    """The parts of one conversation's archive while messages are merged into it.

    Their rows are read once, without the messages. A conversation without archived messages has no
    parts. `written` are the entries that were written, by their identities.
    """

    def __init__(self, conversation: Conversation) -> None:
        self.home = conversation.group_id
        self.written: dict[str, Document] = {}
        self._conversation = conversation
        self._rows: dict[int, ConversationMessages] = {}
        if conversation.message_count:
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

    def has(self, number: int) -> bool:
        """Return whether there is a part with this number."""
        return number in self._rows

    def message_count(self, number: int) -> int:
        """Return how many messages a part has."""
        return self._rows[number].message_count

    def size(self, number: int) -> int:
        """Return the bytes of JSON of a part."""
        return self._rows[number].size

    def messages(self, number: int) -> list[Document]:
        """Read the entries of a part from PostgreSQL. Return none if there is no such part."""
        if number not in self._rows:
            return []
        messages = self._numbered(number).values_list("messages", flat=True)
        return list(messages.get())

    def last_position(self, number: int) -> str:
        """Read the position of the last entry of a part from PostgreSQL."""
        last = self._numbered(number).values_list(KeyTransform("-1", "messages"), flat=True)
        return position(last.get())

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
        if not count or after >= max(self._rows, default=after):
            return
        _of(self._conversation.uuid).filter(part__gt=after).update(part=F("part") + count)
        self._rows = {
            number + count if number > after else number: row for number, row in self._rows.items()
        }

    def write(self, number: int, entries: Sequence[Encoded], *, places: Keys) -> None:
        """Write a part with these entries and places, or delete it if it has no entries."""
        if not entries:
            self._numbered(number).delete()
            self._rows.pop(number, None)
            return
        documents = [entry.document for entry in entries]
        ids = [identity(document) for document in documents]
        row: dict[str, Any] = {
            **_bounds(documents),
            "size": sum(entry.size for entry in entries),
            "merged_places": pack(places),
        }
        content = {"messages": _json_array(entries), "message_ids": ids}
        if number in self._rows:
            self._numbered(number).update(**row, **content)
        else:
            ConversationMessages.objects.create(
                conversation=self._conversation, part=number, **row, **content
            )
        self._rows[number] = ConversationMessages(part=number, **row)
        self.written.update(zip(ids, documents, strict=True))

    def _numbered(self, number: int) -> QuerySet[ConversationMessages]:
        return _of(self._conversation.uuid).filter(part=number)


def merged_places(conversation_uuid: UUID) -> Keys:
    """Return the places, as keys of items in DynamoDB, that the parts of an archive have merged."""
    packed = _MERGED_PLACES.rows(conversation=conversation_uuid)
    return set[str]().union(*(unpack(one) for (one,) in packed))


def identities(conversation_uuid: UUID) -> set[str]:
    """Return the identities of the messages in an archive."""
    found = _MESSAGE_IDS.rows(conversation=conversation_uuid)
    return set[str]().union(*(ids for (ids,) in found))


def _of(conversation_uuid: UUID) -> QuerySet[ConversationMessages]:
    return ConversationMessages.objects.filter(conversation=conversation_uuid).order_by("part")


def _bounds(documents: Sequence[Document]) -> dict[str, Any]:
    times = [
        queue_time_of(version["place"])
        for document in documents
        for version in (document, *document.get("edits", ()))
    ]
    return {
        "first_position": position(documents[0]),
        "first_message_at": as_datetime(min(times)),
        "last_message_at": as_datetime(max(times)),
        "message_count": len(documents),
    }


def _json_array(entries: Sequence[Encoded]) -> Cast:
    """Return the entries as an expression of type jsonb, so that they are not encoded again."""
    text = ",".join(entry.json for entry in entries)
    return Cast(Value(f"[{text}]", output_field=TextField()), JSONField())
