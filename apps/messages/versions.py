"""Entries of messages: their identity, versions and order, the same in archive and transcript.

`home` is the group of the conversation. Places in this group are stored without their group.

The author of a message may delete it. The deletion is a version that always wins: whatever it is
merged with, the entry keeps the message's id, direction, time and place, but none of its content.
Its `deleted` has the time and the place of the deletion.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cmp_to_key
from typing import Any, NamedTuple, TypeVar

from apps.common.lossless_json import dump
from apps.conversations.places import time_of
from apps.messages.entries import parse_place, stored_place, timestamp
from apps.messages.version_bounds import merge_bounded
from celery_sqs_fifo.place import Place

Document = dict[str, Any]
_Entry = TypeVar("_Entry")


class Encoded(NamedTuple):
    """An entry or a version with its JSON, as `dump` returns it. `size` is in bytes."""

    document: Document
    json: str
    size: int

    @classmethod
    def of(cls, document: Document) -> "Encoded":
        """Return a document with its JSON."""
        json = dump(document)
        return cls(document, json, len(json.encode()))


def identity(document: Document) -> str:
    """Return the identity of a message within its conversation: its direction and its id."""
    direction = document["event_type"].rpartition(".")[2]
    return identity_of(direction=direction, message_id=document["id"])


def identity_of(*, direction: str, message_id: str) -> str:
    """Return the identity of a message with this id.

    A direction contains no colon, so two messages never have the same identity.
    """
    return f"{direction}:{message_id}"


def position(document: Document) -> str:
    """Return the time and the place of an entry, which `order` compares."""
    return f"{document['created_at']}#{document['place']}"


def order(home: str) -> Callable[[str], Any]:
    """Return a sort key for positions: the time in the transcript, then the place."""

    def compare(one: str, other: str) -> int:
        one_at, _, one_place = one.partition("#")
        other_at, _, other_place = other.partition("#")
        if one_at != other_at:
            return -1 if one_at < other_at else 1
        return _compare(parse_place(one_place, home=home), parse_place(other_place, home=home))

    return cmp_to_key(compare)


def in_order(documents: Iterable[Document], *, home: str) -> list[Document]:
    """Return entries, oldest first."""
    return _in_order(documents, position_of=position, home=home)


def encoded_in_order(entries: Iterable[Encoded], *, home: str) -> list[Encoded]:
    """Return encoded entries, oldest first."""
    return _in_order(entries, position_of=lambda entry: position(entry.document), home=home)


def versions_of(document: Document) -> list[Document]:
    """Return the versions of an entry, oldest first."""
    original = {name: value for name, value in document.items() if name not in ("edits", "dropped")}
    return [original, *document.get("edits", ())]


def merge_documents(documents: Sequence[Document], *, home: str) -> Document:
    """Return documents of one message as one entry: the first version, with the later as edits.

    Versions are in the order of their places. A version whose whole body equals that of an earlier
    one is a repeat, and is left out. Versions beyond the bounds of an entry are dropped. If one of
    the documents is a deletion, only the fact is left. One document is its own result.
    """
    if len(documents) == 1:
        return documents[0]
    versions = _by_place(
        [version for document in documents for version in versions_of(document)], home=home
    )
    deletions = [version["deleted"] for version in versions if "deleted" in version]
    if deletions:
        return _without_content(versions, deletions=_by_place(deletions, home=home))
    first_of_body: dict[str, Document] = {}
    for version in versions:
        first_of_body.setdefault(body(version), version)
    return merge_bounded(list(first_of_body.values()), merged=documents, key=body)


def deletion(name: str, *, place: Place, home: str) -> Document:
    """Return a deletion of the message with this identity, to be merged with the message."""
    direction, _, message_id = name.partition(":")
    at, stored = timestamp(time_of(place)), stored_place(place, home=home)
    return {
        "id": message_id,
        "created_at": at,
        "place": stored,
        "event_type": f"message.{direction}",
        "correlation_id": "",
        "message": {},
        "deleted": {"at": at, "place": stored},
    }


def body(version: Document) -> str:
    """Return the body of a version's event, without the parts that all its versions share."""
    return dump([version["correlation_id"], version["message"], version.get("extra", {})])


def is_only_deletion(document: Document) -> bool:
    """Return whether a document is a deletion that was not merged with its message."""
    return bool(document.get("deleted", {}).get("place") == document["place"])


def _in_order(
    entries: Iterable[_Entry], *, position_of: Callable[[_Entry], str], home: str
) -> list[_Entry]:
    key = order(home)
    # Sorted by text first, so that the result never depends on the order of the argument.
    by_text = sorted(entries, key=position_of)
    return sorted(by_text, key=lambda entry: key(position_of(entry)))


def _without_content(versions: Sequence[Document], *, deletions: Sequence[Document]) -> Document:
    """Return the entry of a deleted message. Versions and deletions are in the order of places."""
    messages = [version for version in versions if not is_only_deletion(version)]
    kept = ("id", "created_at", "stamped", "place", "event_type", "correlation_id")
    first = {name: value for name, value in (messages or versions)[0].items() if name in kept}
    return {**first, "message": {}, "deleted": deletions[0]}


def _by_place(documents: Sequence[Document], *, home: str) -> list[Document]:
    """Return documents in the order of their places."""

    def compare(one: Document, other: Document) -> int:
        return _compare(
            parse_place(one["place"], home=home), parse_place(other["place"], home=home)
        )

    # Sorted by text first, so that the result never depends on the order of the argument.
    by_text = sorted(documents, key=lambda document: str(document["place"]))
    return sorted(by_text, key=cmp_to_key(compare))


def _compare(one: Place, other: Place) -> int:
    return (other < one) - (one < other)
