"""A message is stored compressed only if that saves a write unit, and is read again unchanged."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.common.lossless_json import dump, load, parse
from apps.messages import message_items
from apps.messages.compression import DICTIONARY, Unreadable, compress
from apps.messages.entries import MessageEntry
from apps.messages.message_items import (
    MAX_ITEM_BYTES,
    MessageItems,
    body_of,
    items_of,
    size_of,
    write_units,
)
from apps.messages.message_table import Item
from apps.messages.openings import Opening
from testbed.checker.reader import stored_entries
from testbed.dynamodb import items as model
from tests.support.builders import HOME, NOON, contact, entry, noise
from tests.support.stored_form import read_entry
from tests.support.wire_items import as_sent

CONVERSATION = UUID("11111111-1111-4111-8111-111111111111")
KEY = entry().key(home=HOME)
ENTRY_ONLY = {"conversation_uuid", "message_key", "entry", "expires_at"}


def read(head: Item, chunks: Sequence[Item]) -> bytes | None:
    return body_of(head, chunks, conversation_uuid=CONVERSATION)


def items_of_body(body: bytes, *, opening: str = "") -> MessageItems:
    return items_of(conversation_uuid=CONVERSATION, key=KEY, body=body, opening=opening, now=NOON)


def body_with(text: str) -> bytes:
    return dump(entry(text=text).as_json(home=HOME)).encode()


def stored_as(items: MessageItems) -> str:
    """Return how a message is stored, in words."""
    form = "compressed" if "dictionary" in items.head else "text"
    return f"{form}, {len(items.chunks)} chunks" if items.chunks else form


STORED_AS = {
    "no text": ("", "text"),
    "one unit, although it would be much smaller": ("a " * 300, "text"),
    "two units, and one if it is compressed": ("a " * 400, "compressed"),
    "two units, even if it is compressed": (noise(1_500), "text"),
    "a unit less if it is compressed": (noise(3_500), "compressed"),
    "chunks, and one item if it is compressed": ("a " * 500_000, "compressed"),
    "one item, and chunks if it is compressed": (noise(400_000), "text"),
    "chunks": (noise(420_000), "compressed, 2 chunks"),
    "fewer chunks if it is compressed": (noise(1_000_000), "compressed, 3 chunks"),
}


@pytest.mark.parametrize(("text", "form"), STORED_AS.values(), ids=STORED_AS)
def test_a_message_is_stored_compressed_only_if_that_saves_a_unit(text: str, form: str) -> None:
    assert stored_as(items_of_body(body_with(text))) == form


def test_the_last_byte_of_a_unit_decides() -> None:
    """The longest item of one unit is stored as text, and is compressed with one more character."""
    besides = model.size_of(as_sent(items_of_body(body_with("")).head))
    longest = 1_024 - besides

    assert stored_as(items_of_body(body_with("a" * longest))) == "text"
    assert stored_as(items_of_body(body_with("a" * (longest + 1)))) == "compressed"


# The URNs take the most bytes for their length, in UTF-8 and in JSON.
OPENINGS = {
    "no": "",
    "usual": str(Opening(contact=contact(), group=HOME)),
    "long": str(Opening(contact=contact(urn="\N{GRINNING FACE}" * 512), group=HOME)),
    "longest": str(Opening(contact=contact(urn="\x01" * 512), group='"' * 128)),
}


@pytest.mark.parametrize("opening", OPENINGS.values(), ids=OPENINGS)
def test_the_last_byte_that_fits_into_an_item_decides(opening: str) -> None:
    """The opening, the keys and the names count, too."""
    body = noise(MAX_ITEM_BYTES).encode()
    besides = model.size_of(as_sent(items_of_body(b"", opening=opening).head))
    longest = MAX_ITEM_BYTES - besides

    largest = items_of_body(body[:longest], opening=opening)
    assert (stored_as(largest), size_of(largest.head)) == ("text", MAX_ITEM_BYTES)
    assert "chunks" in stored_as(items_of_body(body[: longest + 1], opening=opening))


@pytest.mark.parametrize("opening", OPENINGS.values(), ids=OPENINGS)
@pytest.mark.parametrize("size", [390_000, 399_000, 403_000, 408_000, 409_000, 700_000])
def test_no_item_is_too_large_for_dynamodb(size: int, opening: str) -> None:
    items = items_of_body(noise(size).encode(), opening=opening)

    for item in (items.head, *items.chunks):
        model.of_allowed_size(as_sent(item))


@given(text=st.text(max_size=300), repeats=st.integers(1, 40), random=st.integers(0, 3_000))
def test_a_message_costs_the_fewest_units_and_is_read_again(
    text: str, repeats: int, random: int
) -> None:
    body = body_with(parse(dump(text * repeats + noise(random))))
    items = items_of_body(body)
    plain = {**items_of_body(b"").head, "entry": {"S": body.decode()}}
    compressed = {**plain, "entry": {"B": compress(body)}, "dictionary": {"N": str(DICTIONARY)}}

    assert items.write_units == min(write_units(plain), write_units(compressed))
    assert items.head == (plain if write_units(plain) == items.write_units else compressed)
    assert read(items.head, items.chunks) == body


@pytest.mark.parametrize("size", [0, 500, 1_000, 5_000, 100_000, 500_000])
def test_the_units_are_those_that_the_model_of_dynamodb_counts(size: int) -> None:
    items = items_of_body(body_with(noise(size)))

    of_model = [model.size_of(as_sent(item)) for item in (items.head, *items.chunks)]
    assert items.write_units == sum(map(model.write_units, of_model))


FORMS = {
    "as text": "short",
    "compressed": "Olá! " * 300,
    "in compressed chunks": noise(900_000),
}
NUMBERS = '[1.0, 1E400, 1e100000, 0.10, -0.0, 12345678901234567890123, "a\\u0000\\ud83d\\\\u0041"]'
NASTY = f'{{"numbers": {NUMBERS}, "twice": 1, "twice": 2, "$number": {{"$number": "7"}}}}'


def entry_in_form(form: str) -> MessageEntry:
    return entry(text=FORMS[form], message=parse(NASTY))


@pytest.mark.parametrize("form", FORMS)
def test_an_entry_is_read_as_it_was_stored(form: str) -> None:
    written = entry_in_form(form)
    document = written.as_json(home=HOME)

    items = items_of_body(dump(document).encode())
    body = read(items.head, items.chunks)

    assert body is not None
    assert dump(load(body.decode())) == dump(document)
    assert read_entry(load(body.decode())) == written


@pytest.mark.parametrize("form", FORMS)
def test_the_independent_reader_finds_the_same(form: str) -> None:
    document = entry_in_form(form).as_json(home=HOME)
    items = items_of_body(dump(document).encode())

    found = stored_entries([items.head, *items.chunks])

    assert dump(found[str(CONVERSATION)][KEY]) == dump(document)


def test_the_attributes_of_a_message_are_those_of_the_page() -> None:
    short, compressed = (items_of_body(body_with(text)).head for text in ("a", "a" * 2_000))
    large = items_of_body(body_with(noise(900_000)))

    assert short.keys() == ENTRY_ONLY
    assert compressed.keys() == {*ENTRY_ONLY, "dictionary"}
    assert large.head.keys() == {*ENTRY_ONLY, "chunks", "dictionary"} - {"entry"}
    assert compressed["dictionary"] == {"N": "1"}


def test_a_message_whose_chunks_are_not_all_there_is_not_read() -> None:
    items = items_of_body(body_with(noise(900_000)))

    assert read(items.head, items.chunks[:-1]) is None
    assert read(items.chunks[0], items.chunks[1:]) is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"dictionary": {"N": "7"}}, "it is compressed with dictionary 7, which this release"),
        ({"entry": {"B": b"x\x9c"}}, "its data is damaged"),
    ],
    ids=["an unknown dictionary", "damaged"],
)
def test_an_unreadable_item_is_named(change: dict[str, Any], problem: str) -> None:
    head = {**items_of_body(body_with("a" * 2_000)).head, **change}

    with pytest.raises(Unreadable) as error:
        read(head, ())

    assert str(error.value).startswith(
        f"Item {KEY} of conversation {CONVERSATION} is unreadable: {problem}"
    )


def test_an_unreadable_body_in_chunks_is_named() -> None:
    items = items_of_body(body_with(noise(900_000)))

    with pytest.raises(Unreadable, match=f"^Item {KEY} of conversation"):
        read(items.head, [items.chunks[1], items.chunks[0], *items.chunks[2:]])


def test_a_message_of_one_unit_is_not_compressed_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most messages are short, and compressing takes several times as long as making an item."""
    monkeypatch.setattr(message_items, "compress", None)

    assert stored_as(items_of_body(body_with("ok"))) == "text"
