"""Messages are stored in DynamoDB once and completely, read on all pages, and deleted exactly."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from string import ascii_letters, digits
from typing import Any
from uuid import UUID, uuid4

import pytest

from apps.common.aws import dynamodb_client
from apps.messages import message_table, store
from apps.messages.entries import MessageEntry
from tests.support.builders import (
    HOME,
    NOON,
    entries,
    entry,
    noise,
    place,
    target,
)
from tests.support.stored import counted_calls, every_item, store_many, written_entries
from tests.support.stored_form import read_entry

pytestmark = pytest.mark.usefixtures("aws")

CONVERSATION = UUID("11111111-1111-4111-8111-111111111111")
LATER = NOON + timedelta(hours=3)
HOURS = 3600
KILOBYTE = 1_000
BIGGEST_TEXT = 1_048_000
COMPRESSIBLE = "Olá! " * 400
FORMS = {"short": "hello", "compressed": COMPRESSIBLE, "chunked": noise(BIGGEST_TEXT)}


def put(*, conversation_uuid: UUID = CONVERSATION, **fields: Any) -> None:
    """Store one message at noon."""
    store.put(target=target(conversation_uuid), entry=entry(**fields), now=NOON)


def stored() -> list[Any]:
    """Return the messages of the conversation."""
    return written_entries(conversation_uuid=CONVERSATION)


@contextmanager
def parameters_of(action: str) -> Iterator[list[dict[str, Any]]]:
    """Yield a list to which the parameters of each call of this action are added."""
    calls: list[dict[str, Any]] = []

    def note(params: dict[str, Any], **_event: Any) -> None:
        calls.append(params)

    events, name = dynamodb_client().meta.events, f"provide-client-params.dynamodb.{action}"
    events.register(name, note)
    try:
        yield calls
    finally:
        events.unregister(name, note)


@pytest.mark.parametrize("kilobytes", [0, 100, 340, 398])
def test_a_message_up_to_400_kb_is_one_write_and_one_item(kilobytes: int) -> None:
    with counted_calls() as calls:
        put(text=noise(kilobytes * KILOBYTE))

    assert calls == {"PutItem": 1}
    assert len(every_item()) == 1
    assert stored() == [entry(text=noise(kilobytes * KILOBYTE))]


@pytest.mark.parametrize(
    "alphabet",
    [
        ascii_letters + digits,
        "".join(map(chr, range(0x400, 0x800))),
        "".join(map(chr, range(0x20000, 0x28000))),
        ascii_letters + digits + "\\" * 20,
    ],
    ids=["one", "two", "four", "escaped"],
)
def test_a_body_beyond_400_kb_is_stored_whole(alphabet: str) -> None:
    """The characters take this number of bytes each, or have to be escaped in JSON."""
    text = noise(BIGGEST_TEXT // len(alphabet[0].encode()), alphabet=alphabet)

    put(text=text)

    assert stored() == [entry(text=text)]
    assert len(every_item()) > 1


def test_a_message_is_stored_compressed_if_that_saves_a_write_unit() -> None:
    put(message_id="short")
    put(message_id="long", text=COMPRESSIBLE)

    short, long = sorted(every_item(), key=len)
    assert "S" in short["entry"]
    assert "B" in long["entry"]
    assert long["dictionary"] == {"N": "1"}
    assert {one.message["text"] for one in stored()} == {"hello", COMPRESSIBLE}


def test_a_large_body_that_fits_into_one_item_when_compressed_is_one_write() -> None:
    with counted_calls() as calls:
        put(text="Olá! " * 100_000)

    assert calls == {"PutItem": 1}
    assert [one.message["text"] for one in stored()] == ["Olá! " * 100_000]


def test_a_replaced_message_is_compressed_if_that_saves_a_write_unit() -> None:
    put(text=noise(2_000))

    store.replace(
        CONVERSATION, replacement_of=lambda one: one | {"message": {"text": COMPRESSIBLE}}, now=NOON
    )

    (item,) = every_item()
    assert "B" in item["entry"]
    assert [one.message for one in stored()] == [{"text": COMPRESSIBLE}]


def test_a_replacement_that_does_not_fit_into_one_item_is_refused() -> None:
    put()
    before = every_item()

    with pytest.raises(ValueError, match="does not fit into one item"):
        store.replace(
            CONVERSATION,
            replacement_of=lambda one: one | {"message": {"text": FORMS["chunked"]}},
            now=NOON,
        )

    assert every_item() == before


def test_a_message_expires_48_hours_after_it_was_written() -> None:
    store.put(target=target(CONVERSATION), entry=entry(at=NOON - timedelta(days=9)), now=NOON)

    (item,) = every_item()
    assert int(item["expires_at"]["N"]) == int(NOON.timestamp()) + 48 * HOURS


def test_chunks_outlive_their_head() -> None:
    put(text=noise(BIGGEST_TEXT))

    head, *chunks = every_item()
    assert int(head["expires_at"]["N"]) == int(NOON.timestamp()) + 48 * HOURS
    assert all(int(chunk["expires_at"]["N"]) > int(head["expires_at"]["N"]) for chunk in chunks)


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_a_message_stored_twice_changes_no_item(text: str) -> None:
    put(text=text)
    before = every_item()

    store.put(target=target(CONVERSATION), entry=entry(text=text), now=LATER)

    assert every_item() == before


def test_an_edit_is_another_item() -> None:
    put(text="hello")
    put(text="hello!")

    assert sorted(one.message["text"] for one in stored()) == ["hello", "hello!"]


def test_a_long_id_is_hashed_into_the_key_and_kept_in_the_entry() -> None:
    put(message_id="ç" * 200)
    put(message_id="x" * 1_000_000)

    assert {one.message_id for one in stored()} == {"ç" * 200, "x" * 1_000_000}


def test_messages_are_read_in_the_order_of_their_sequence_numbers() -> None:
    numbers = (10**20, 9, 10, 10**19, 1)
    for number in numbers:
        put(message_id=f"m-{number}", sequence_number=number, queue_time=NOON)

    assert [one.place.sequence_number for one in stored()] == sorted(numbers)


def test_the_newest_place_is_that_of_the_own_group_with_the_greatest_number() -> None:
    assert store.newest_place(CONVERSATION, home=HOME) is None
    put(message_id="other", sequence_number=9, group="another-group")
    assert store.newest_place(CONVERSATION, home=HOME) is None

    put(message_id="falls", sequence_number=3, queue_time=NOON - timedelta(seconds=5))
    put(message_id="m-2", sequence_number=2, text=noise(BIGGEST_TEXT))

    newest = place(queue_time=NOON - timedelta(seconds=5), sequence_number=3)
    assert store.newest_place(CONVERSATION, home=HOME) == newest


def test_no_id_of_a_message_breaks_the_chunks_of_another() -> None:
    big = noise(BIGGEST_TEXT)
    for number, message_id in enumerate(("m", "m#0000", "m#0001#"), start=1):
        put(message_id=message_id, text=big, sequence_number=number)

    assert [one.message_id for one in stored()] == ["m", "m#0000", "m#0001#"]
    assert all(one.message["text"] == big for one in stored())


def test_a_key_has_34_bytes_whatever_the_producer_wrote() -> None:
    put(message_id="ç" * 200, sequence_number=18_873_000_000_000_000_000)

    (item,) = every_item()
    assert len(item["message_key"]["S"].encode()) == 34


def test_all_pages_of_a_conversation_are_read_with_consistent_reads() -> None:
    """DynamoDB ends a page at 1 MB."""
    written = entries(number=40, size=50_000)
    store_many(conversation_uuid=CONVERSATION, home=HOME, entries=written)

    with parameters_of("Query") as reads:
        assert stored() == written

    assert len(reads) > 1
    assert all(read["ConsistentRead"] for read in reads)


def test_whether_a_large_body_is_stored_is_read_consistently() -> None:
    """An inconsistent read may miss an item that was written a moment ago."""
    put(text=noise(BIGGEST_TEXT))

    with parameters_of("GetItem") as reads:
        put(text=noise(BIGGEST_TEXT))

    assert [read.get("ConsistentRead") for read in reads] == [True]


def test_a_large_conversation_is_read_in_bounded_batches() -> None:
    written = entries(number=1_200)
    store_many(conversation_uuid=CONVERSATION, home=HOME, entries=written)

    batches = list(store.batches(CONVERSATION))

    assert [len(batch.versions) for batch in batches] == [1_000, 200]
    assert [read_entry(one) for batch in batches for one in batch.documents] == written


def test_batches_of_large_messages_are_bounded_in_bytes() -> None:
    written = entries(number=25, size=350_000)
    store_many(conversation_uuid=CONVERSATION, home=HOME, entries=written)

    batches = list(store.batches(CONVERSATION))

    assert [len(batch.versions) for batch in batches] == [12, 12, 1]
    assert [read_entry(one) for batch in batches for one in batch.documents] == written


def test_the_messages_of_other_conversations_are_not_read() -> None:
    put(conversation_uuid=uuid4())

    assert stored() == []


def test_an_incompletely_written_body_is_not_read_as_a_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def killed(*_arguments: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(message_table, "put_new", killed)
        with pytest.raises(KeyboardInterrupt):
            put(text=noise(BIGGEST_TEXT))
    put(message_id="m-2", at=NOON + timedelta(seconds=1))

    assert [one.message_id for one in stored()] == ["m-2"]

    put(text=noise(BIGGEST_TEXT))

    assert [one.message_id for one in stored()] == ["m-1", "m-2"]


def test_chunks_of_neighbouring_messages_are_not_mixed() -> None:
    written = [entry(message_id=f"m-{n}", text=f"{n}{noise(500_000)}") for n in range(3)]
    written.append(entry(message_id="m-1#", text="between"))
    for one in written:
        store.put(target=target(CONVERSATION), entry=one, now=NOON)

    assert {one.message_id: one for one in stored()} == {one.message_id: one for one in written}


def test_deleting_a_conversation_leaves_those_of_others() -> None:
    store_many(conversation_uuid=CONVERSATION, home=HOME, entries=entries(number=60))
    put(text=noise(BIGGEST_TEXT))
    put(conversation_uuid=uuid4(), message_id="of another conversation")

    store.delete_conversation(CONVERSATION)
    store.delete_conversation(CONVERSATION)

    assert stored() == []
    assert len(every_item()) == 1


def test_deleting_messages_deletes_their_chunks_and_leaves_others() -> None:
    small, large = entry(message_id="m-1"), entry(message_id="m-2", text=noise(BIGGEST_TEXT))
    kept = entry(message_id="m-3", text=noise(BIGGEST_TEXT)[::-1])
    for one in (small, large, kept):
        store.put(target=target(CONVERSATION), entry=one, now=NOON)
    before = len(every_item())

    store.delete_messages(CONVERSATION, keys={one.key(home=HOME) for one in (small, large)})

    assert stored() == [kept]
    assert len(every_item()) == (before - 1) / 2


def test_deleting_an_empty_conversation_writes_nothing() -> None:
    with counted_calls() as calls:
        store.delete_conversation(CONVERSATION)

    assert calls == {"Query": 1}


def test_known_messages_are_left_out() -> None:
    written = [entry(message_id=f"m-{n}", text=f"{n}{noise(500_000)}") for n in range(4)]
    for one in written:
        store.put(target=target(CONVERSATION), entry=one, now=NOON)
    first, second, third, fourth = sorted(one.key(home=HOME) for one in written)
    by_key = {one.key(home=HOME): one for one in written}

    def read(known: set[str]) -> list[MessageEntry]:
        batches = store.batches(CONVERSATION, known=known)
        return [read_entry(one) for batch in batches for one in batch.documents]

    assert read({first, fourth}) == [by_key[second], by_key[third]]
    assert read({second}) == [by_key[first], by_key[third], by_key[fourth]]
    assert read({first, second, third}) == [by_key[fourth]]
    assert read({"of another message"}) == [by_key[key] for key in sorted(by_key)]


def test_a_conversation_whose_messages_are_all_known_costs_one_query_of_keys() -> None:
    written = entries(number=30)
    store_many(conversation_uuid=CONVERSATION, home=HOME, entries=written)
    known = {one.key(home=HOME) for one in written}

    with counted_calls() as calls:
        assert list(store.batches(CONVERSATION, known=known)) == []

    assert calls == {"Query": 1}


def test_messages_are_replaced_under_their_keys_and_leave_no_chunk() -> None:
    large, small = entry(message_id="m-1", text=noise(BIGGEST_TEXT)), entry(message_id="m-2")
    for one in (large, small):
        store.put(target=target(CONVERSATION), entry=one, now=NOON)

    store.replace(
        CONVERSATION,
        replacement_of=lambda one: one | {"message": {}} if one["id"] == "m-1" else one,
        now=NOON,
    )

    emptied = dataclasses.replace(large, message={})
    assert {one.message_id: one for one in stored()} == {"m-1": emptied, "m-2": small}
    assert len(every_item()) == 2


def test_chunks_that_a_crash_left_behind_a_replaced_message_are_deleted_by_the_next_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large = entry(message_id="m-1", text=noise(BIGGEST_TEXT))
    store.put(target=target(CONVERSATION), entry=large, now=NOON)

    def replace() -> None:
        store.replace(CONVERSATION, replacement_of=lambda one: one | {"message": {}}, now=NOON)

    def killed(_keys: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(message_table, "delete_all", killed)
        with pytest.raises(KeyboardInterrupt):
            replace()
    assert len(every_item()) > 1

    replace()

    assert stored() == [dataclasses.replace(large, message={})]
    assert len(every_item()) == 1


def test_messages_of_several_conversations_are_one_write() -> None:
    conversations = [UUID(int=number + 1) for number in range(10)]

    with counted_calls() as calls:
        store.put_all(entries=[(target(uuid), entry()) for uuid in conversations], now=NOON)

    assert calls == {"BatchWriteItem": 1}
    assert all(written_entries(conversation_uuid=uuid) == [entry()] for uuid in conversations)


def test_a_duplicate_message_in_a_batch_is_stored_once() -> None:
    store.put_all(
        entries=[(target(CONVERSATION), entry()), (target(CONVERSATION), entry())], now=NOON
    )

    assert stored() == [entry()]


def test_put_all_accepts_bodies_beyond_400_kb_and_more_than_25_messages() -> None:
    written = [*entries(number=60), entry(text=noise(BIGGEST_TEXT))]

    store.put_all(entries=[(target(CONVERSATION), one) for one in written], now=NOON)

    assert {one.message_id for one in stored()} == {one.message_id for one in written}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_put_and_put_all_store_the_same_item(text: str) -> None:
    put(text=text)
    alone = every_item()

    store.put_all(entries=[(target(CONVERSATION), entry(text=text))], now=NOON)

    assert every_item() == alone
