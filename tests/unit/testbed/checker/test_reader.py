"""Reading the stores: bodies in chunks, and documents as their producers sent them."""

import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from apps.common.lossless_json import dump, parse
from apps.messages.merged_places import pack
from apps.messages.message_items import items_of
from testbed.checker.escapes import read_json, unescape
from testbed.checker.reader import not_archived, stored_entries
from testbed.traffic.bodies import HOSTILE_TEXTS
from tests.support.builders import NOON, noise


def test_bodies_in_chunks_are_put_together() -> None:
    body = json.dumps({"id": "m1", "text": "x" * 50}).encode()
    pieces = [body[:30], body[30:]]
    items: list[dict[str, Any]] = [
        {"conversation_uuid": {"S": "c"}, "message_key": {"S": "k"}, "chunks": {"N": "2"}},
        *(
            {
                "conversation_uuid": {"S": "c"},
                "message_key": {"S": f"k#{number:04d}"},
                "chunk": {"B": piece},
            }
            for number, piece in enumerate(pieces)
        ),
        {
            "conversation_uuid": {"S": "c"},
            "message_key": {"S": "l"},
            "entry": {"S": '{"id": "m2"}'},
        },
    ]

    assert [entry["id"] for entry in stored_entries(items)["c"].values()] == ["m1", "m2"]


@pytest.mark.parametrize("text", ["Olá! " * 400, noise(500_000)], ids=["one item", "chunks"])
def test_compressed_bodies_are_decompressed(text: str) -> None:
    document = {"id": "m1", "text": text}
    items = items_of(
        conversation_uuid=UUID(int=1), key="k", body=json.dumps(document).encode(), now=NOON
    )
    assert "dictionary" in items.head

    assert stored_entries([*items.chunks, items.head])[str(UUID(int=1))] == {"k": document}


@pytest.mark.parametrize(
    "document",
    [
        *({"text": text} for text in HOSTILE_TEXTS),
        {"size": 1.10, "huge": 10**70, "nested": [{"$number": "1"}, {"$$number": 2}]},
        {"\\u0000": "a key"},
    ],
    ids=lambda document: next(iter(document)),
)
def test_what_the_service_has_escaped_is_read_as_it_was_sent(document: dict[str, Any]) -> None:
    body = json.dumps(document)

    kept = dump(parse(body))

    assert unescape(read_json(kept)) == json.loads(body, parse_float=Decimal)


def test_an_item_without_a_place_in_a_part_is_not_archived() -> None:
    stored = {"1": {"id": "m1"}, "2": {"id": "m2"}, "3": {"id": "m3"}}
    parts = [pack({"1"}), pack(set()), pack({"3", "4"})]

    assert not_archived(stored, merged_places=parts) == [{"id": "m2"}]
    assert not_archived(stored, merged_places=[]) == list(stored.values())
