"""Messages are stored in DynamoDB once and completely, read on all pages, and deleted exactly."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from apps.common.aws import dynamodb_client
from apps.messages import message_table, store
from tests.support.builders import NOON, entries, entry
from tests.support.stored import counted_calls, every_item, store_many, stored_entries

pytestmark = pytest.mark.usefixtures("aws")

CONVERSATION = UUID("11111111-1111-4111-8111-111111111111")
LATER = NOON + timedelta(hours=3)
HOURS = 3600
KILOBYTE = 1_000
BIGGEST_TEXT = 1_048_000


def put(*, conversation_uuid: UUID = CONVERSATION, **fields: Any) -> None:
    """Store one message at noon."""
    store.put(conversation_uuid=conversation_uuid, entry=entry(**fields), now=NOON)


def stored() -> list[Any]:
    """Return the messages of the conversation."""
    return stored_entries(conversation_uuid=CONVERSATION)


@pytest.mark.parametrize("kilobytes", [0, 100, 340, 398])
def test_a_message_up_to_400_kb_is_one_write_and_one_item(kilobytes: int) -> None:
    with counted_calls() as calls:
        put(text="x" * kilobytes * KILOBYTE)

    assert calls == {"PutItem": 1}
    assert len(every_item()) == 1
    assert stored() == [entry(text="x" * kilobytes * KILOBYTE)]


@pytest.mark.parametrize("letter", ["x", "ç", "😕", "\\"], ids=["one", "two", "four", "escaped"])
def test_a_body_beyond_400_kb_is_stored_whole(letter: str) -> None:
    text = letter * (BIGGEST_TEXT // len(letter.encode()))

    put(text=text)

    assert stored() == [entry(text=text)]
    assert len(every_item()) > 1


def test_a_message_expires_48_hours_after_it_was_written() -> None:
    store.put(conversation_uuid=CONVERSATION, entry=entry(at=NOON - timedelta(days=9)), now=NOON)

    (item,) = every_item()
    assert int(item["expires_at"]["N"]) == int(NOON.timestamp()) + 48 * HOURS


def test_chunks_outlive_their_head() -> None:
    put(text="x" * BIGGEST_TEXT)

    head, *chunks = every_item()
    assert int(head["expires_at"]["N"]) == int(NOON.timestamp()) + 48 * HOURS
    assert all(int(chunk["expires_at"]["N"]) > int(head["expires_at"]["N"]) for chunk in chunks)


@pytest.mark.parametrize("text", ["hello", "x" * BIGGEST_TEXT], ids=["short", "chunked"])
def test_a_message_stored_twice_changes_no_item(text: str) -> None:
    put(text=text)
    before = every_item()

    store.put(conversation_uuid=CONVERSATION, entry=entry(text=text), now=LATER)

    assert every_item() == before


def test_an_edit_is_another_item() -> None:
    put(text="hello")
    put(text="hello!")

    assert sorted(one.message["text"] for one in stored()) == ["hello", "hello!"]


def test_a_long_id_is_hashed_into_the_key_and_kept_in_the_entry() -> None:
    put(message_id="ç" * 200)
    put(message_id="x" * 1_000_000)

    assert {one.message_id for one in stored()} == {"ç" * 200, "x" * 1_000_000}


def test_messages_are_read_oldest_first_to_the_microsecond() -> None:
    times = [NOON + timedelta(microseconds=number) for number in (5, 0, 1_000_000, 10, 1)]
    for number, at in enumerate(times):
        put(message_id=f"m-{number}", at=at)

    assert [one.at for one in stored()] == sorted(times)


def test_all_pages_of_a_conversation_are_read_with_consistent_reads() -> None:
    """DynamoDB ends a page at 1 MB."""
    written = entries(number=40, size=50_000)
    store_many(conversation_uuid=CONVERSATION, entries=written)
    reads: list[dict[str, Any]] = []

    def note(params: dict[str, Any], **_event: Any) -> None:
        reads.append(params)

    dynamodb_client().meta.events.register("provide-client-params.dynamodb.Query", note)
    try:
        assert stored() == written
    finally:
        dynamodb_client().meta.events.unregister("provide-client-params.dynamodb.Query", note)

    assert len(reads) > 1
    assert all(read["ConsistentRead"] for read in reads)


def test_a_large_conversation_is_read_in_bounded_batches() -> None:
    written = entries(number=1_200)
    store_many(conversation_uuid=CONVERSATION, entries=written)

    batches = list(store.batches(CONVERSATION))

    assert [len(batch.entries) for batch in batches] == [500, 500, 200]
    assert [one for batch in batches for one in batch.entries] == written
    assert len({key for batch in batches for key in batch.item_keys}) == 1_200


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
            put(text="x" * BIGGEST_TEXT)
    put(message_id="m-2", at=NOON + timedelta(seconds=1))

    assert [one.message_id for one in stored()] == ["m-2"]

    put(text="x" * BIGGEST_TEXT)

    assert [one.message_id for one in stored()] == ["m-1", "m-2"]


def test_chunks_of_neighbouring_messages_are_not_mixed() -> None:
    written = [entry(message_id=f"m-{n}", text=f"{n}" * 500_000) for n in range(3)]
    written.append(entry(message_id="m-1#", text="between"))
    for one in written:
        store.put(conversation_uuid=CONVERSATION, entry=one, now=NOON)

    assert {one.message_id: one for one in stored()} == {one.message_id: one for one in written}


def test_exactly_the_items_that_were_read_are_deleted() -> None:
    store_many(conversation_uuid=CONVERSATION, entries=entries(number=60))
    (batch,) = store.batches(CONVERSATION)
    put(message_id="came later")
    put(conversation_uuid=uuid4(), message_id="of another conversation")

    store.delete(conversation_uuid=CONVERSATION, item_keys=batch.item_keys)

    assert [one.message_id for one in stored()] == ["came later"]
    assert len(every_item()) == 2


def test_deleting_again_is_not_an_error() -> None:
    put()
    (batch,) = store.batches(CONVERSATION)

    store.delete(conversation_uuid=CONVERSATION, item_keys=batch.item_keys)
    store.delete(conversation_uuid=CONVERSATION, item_keys=batch.item_keys)

    assert every_item() == []


def test_all_items_of_a_chunked_body_are_deleted() -> None:
    put(text="x" * BIGGEST_TEXT)
    (batch,) = store.batches(CONVERSATION)

    store.delete(conversation_uuid=CONVERSATION, item_keys=batch.item_keys)

    assert every_item() == []


def test_deleting_no_items_makes_no_call() -> None:
    with counted_calls() as calls:
        store.delete(conversation_uuid=CONVERSATION, item_keys=[])

    assert not calls


def test_messages_of_several_conversations_are_one_write() -> None:
    conversations = [UUID(int=number + 1) for number in range(10)]

    with counted_calls() as calls:
        store.put_all(entries=[(uuid, entry()) for uuid in conversations], now=NOON)

    assert calls == {"BatchWriteItem": 1}
    assert all(stored_entries(conversation_uuid=uuid) == [entry()] for uuid in conversations)


def test_a_duplicate_message_in_a_batch_is_stored_once() -> None:
    store.put_all(entries=[(CONVERSATION, entry()), (CONVERSATION, entry())], now=NOON)

    assert stored() == [entry()]


def test_put_all_accepts_bodies_beyond_400_kb_and_more_than_25_messages() -> None:
    written = [*entries(number=60), entry(text="x" * BIGGEST_TEXT)]

    store.put_all(entries=[(CONVERSATION, one) for one in written], now=NOON)

    assert {one.key for one in stored()} == {one.key for one in written}


def test_put_and_put_all_store_the_same_item() -> None:
    put()
    alone = every_item()

    store.put_all(entries=[(CONVERSATION, entry())], now=NOON)

    assert every_item() == alone
