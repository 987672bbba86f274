"""Messages of DynamoDB are merged into the archive once. A crash only delays this."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from apps.common.errors import Unavailable
from apps.common.lossless_json import parse
from apps.conversations.models import Conversation, Resolution
from apps.messages import archive, store, version_bounds
from apps.messages.archive_parts import merged_places
from apps.messages.archiving import migrate
from apps.messages.models import ConversationMessages
from apps.messages.transcript import transcript as read_transcript
from tests.support.builders import HOME, NOON, conversation, entries, entry, noise, target
from tests.support.stored import (
    archived,
    counted_calls,
    every_item,
    every_row_version,
    statements,
    store_many,
    stored_entries,
    unarchived_items,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("aws")]

LATER = NOON + timedelta(hours=1)


class Killed(BaseException):
    """Simulates the kill of a worker. No code catches this exception."""


@pytest.fixture
def closed() -> UUID:
    """Create a closed conversation."""
    return conversation(resolution=Resolution.RESOLVED, ended_at=NOON).uuid


def transcript(uuid: UUID) -> list[dict[str, Any]]:
    """Return all entries of the archive."""
    return list(archived(conversation_uuid=uuid))


def killed_once(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *, at_call: int, after: bool = False
) -> None:
    """Simulate a kill at a call of this function, either before or just after its effect."""
    real: Callable[..., Any] = getattr(module, name)
    calls: list[int] = []

    def stand_in(**arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == at_call and not after:
            raise Killed
        result = real(**arguments)
        if len(calls) == at_call:
            raise Killed
        return result

    monkeypatch.setattr(module, name, stand_in)


def test_a_conversation_of_2500_messages_is_archived_completely_and_oldest_first(
    closed: UUID,
) -> None:
    written = entries(number=2_500, size=200)
    store_many(conversation_uuid=closed, entries=[*written[1_000:], *written[:1_000]])

    assert migrate(conversation_uuid=closed, now=LATER).own == 2_500

    assert transcript(closed) == [one.as_json(home=HOME) for one in written]
    parts = ConversationMessages.objects.filter(conversation=closed).order_by("part")
    assert [part.message_count for part in parts] == [1_000, 1_000, 500]
    stored = Conversation.objects.get()
    assert stored.message_count == 2_500
    assert (stored.first_message_at, stored.last_message_at) == (written[0].at, written[-1].at)
    assert stored.archived_at == LATER
    assert unarchived_items() == []


def test_an_empty_conversation_is_archived(closed: UUID) -> None:
    assert migrate(conversation_uuid=closed, now=LATER).own == 0

    stored = Conversation.objects.get()
    assert stored.archived_at == LATER
    assert stored.message_count == 0


def test_migrating_again_only_adds_new_messages(closed: UUID) -> None:
    store_many(conversation_uuid=closed, entries=entries(number=3))
    migrate(conversation_uuid=closed, now=LATER)
    before = transcript(closed)

    migrate(conversation_uuid=closed, now=LATER + timedelta(hours=1))
    assert transcript(closed) == before
    assert Conversation.objects.get().archived_at == LATER

    store_many(conversation_uuid=closed, entries=[entry(message_id="late")])
    migrate(conversation_uuid=closed, now=LATER)
    assert "late" in [document["id"] for document in transcript(closed)]
    assert unarchived_items() == []


def test_archiving_costs_one_query_and_five_statements_and_leaves_the_items_to_their_expiry(
    closed: UUID,
) -> None:
    store_many(conversation_uuid=closed, entries=entries(number=60))
    before = every_item()

    with counted_calls() as calls, statements() as made:
        migrate(conversation_uuid=closed, now=LATER)

    assert calls == {"Query": 1}
    # The conversation; its lock, a new part and the totals; and the mark.
    assert len(made) == 5
    assert every_item() == before


def test_archived_messages_are_neither_shown_nor_merged_twice_after_half_of_them_has_expired(
    closed: UUID,
) -> None:
    written = entries(number=6)
    store_many(conversation_uuid=closed, entries=written)
    migrate(conversation_uuid=closed, now=LATER)
    expired = {one.key(home=HOME) for one in written[::2]}
    store.delete_messages(closed, keys=expired)
    late = entry(message_id="of a frozen worker", at=NOON + timedelta(seconds=2.5))
    store_many(conversation_uuid=closed, entries=[late])
    expected = [
        *(one.message_id for one in written[:3]),
        "of a frozen worker",
        *(one.message_id for one in written[3:]),
    ]

    shown = read_transcript(Conversation.objects.get())
    assert [document["id"] for document in shown] == expected
    assert migrate(conversation_uuid=closed, now=LATER).own == 1
    assert [document["id"] for document in transcript(closed)] == expected
    assert read_transcript(Conversation.objects.get()) == shown


def test_a_search_that_finds_nothing_reads_only_keys_and_writes_nothing(closed: UUID) -> None:
    store_many(conversation_uuid=closed, entries=entries(number=60))
    migrate(conversation_uuid=closed, now=LATER)
    before = every_row_version()

    with counted_calls() as calls, statements() as made:
        assert migrate(conversation_uuid=closed, now=LATER + timedelta(hours=23)).own == 0

    assert calls == {"Query": 1}
    # The conversation, its deletions, the places of its archive, and the waiting deletions.
    assert len(made) == 4
    assert every_row_version() == before


def test_a_message_that_is_written_again_after_archiving_is_not_merged_again(closed: UUID) -> None:
    store_many(conversation_uuid=closed, entries=entries(number=3))
    migrate(conversation_uuid=closed, now=LATER)
    before = every_row_version()

    store_many(conversation_uuid=closed, entries=entries(number=2))

    assert migrate(conversation_uuid=closed, now=LATER).own == 0
    assert every_row_version() == before


def test_places_of_repeats_and_of_dropped_versions_are_merged_once(
    closed: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version_bounds, "MAX_EDITS", 2)
    monkeypatch.setattr(version_bounds, "MAX_DIGESTS", 0)
    versions = [
        entry(message_id="m-1", text=text, sequence_number=number)
        for number, text in enumerate(("first", "dropped", "second", "third", "first"), start=10)
    ]
    store_many(conversation_uuid=closed, entries=versions)

    assert migrate(conversation_uuid=closed, now=LATER).own == 5
    before = transcript(closed)
    assert before[0]["dropped"]["count"] == 1
    assert migrate(conversation_uuid=closed, now=LATER).own == 0

    assert transcript(closed) == before
    assert merged_places(closed) == {one.key(home=HOME) for one in versions}


def test_an_earlier_version_that_moves_an_entry_keeps_the_places_of_its_part(
    closed: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_PART_ENTRIES", 2)
    monkeypatch.setattr(archive, "LATE_MESSAGES_DIVISOR", 3)
    written = entries(number=5)
    store_many(conversation_uuid=closed, entries=written)
    migrate(conversation_uuid=closed, now=LATER)
    original = entry(message_id="m-00004", at=NOON - timedelta(hours=1), sequence_number=1)
    store_many(conversation_uuid=closed, entries=[original])

    assert migrate(conversation_uuid=closed, now=LATER).own == 1

    assert transcript(closed)[0]["id"] == "m-00004"
    assert merged_places(closed) == {one.key(home=HOME) for one in (*written, original)}
    assert unarchived_items() == []


def test_a_conversation_in_progress_is_moved_and_not_marked_as_archived() -> None:
    uuid = conversation().uuid
    store_many(conversation_uuid=uuid, entries=entries(number=3))

    migrate(conversation_uuid=uuid, now=LATER)

    assert len(transcript(uuid)) == 3
    assert Conversation.objects.get().archived_at is None


@pytest.mark.parametrize(
    "text",
    [noise(1_000_000), "😕" * 250_000],
    ids=["in chunks", "compressed"],
)
def test_a_body_of_1_mib_is_archived_completely_and_leaves_no_chunk(
    closed: UUID, text: str
) -> None:
    big = entry(text=text)
    store.put(target=target(closed), entry=big, now=NOON)

    migrate(conversation_uuid=closed, now=LATER)

    assert transcript(closed) == [big.as_json(home=HOME)]
    assert unarchived_items() == []


@pytest.mark.parametrize("repeats", [1, 500], ids=["as text", "compressed"])
def test_any_json_is_archived_and_compares_equal(closed: UUID, repeats: int) -> None:
    deep, text = "[" * 190 + "]" * 190, "a\\u0000\\ud83d" * repeats
    document = parse(f'{{"n": [1e100000, 1E400, 1.0, 1E+2, -0.0], "t": "{text}", "d": {deep}}}')
    nasty = entry(message=document)
    store.put(target=target(closed), entry=nasty, now=NOON)

    migrate(conversation_uuid=closed, now=LATER)

    assert transcript(closed) == [nasty.as_json(home=HOME)]


@pytest.mark.parametrize(
    ("module", "name", "at_call", "after"),
    [
        (archive, "merge", 1, False),
        (archive, "merge", 1, True),
        (archive, "merge", 2, False),
        (archive, "merge", 2, True),
        (archive, "merge", 3, False),
        (archive, "merge", 3, True),
    ],
)
def test_a_rerun_after_a_kill_at_any_point_makes_the_same_archive(
    closed: UUID,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    name: str,
    at_call: int,
    after: bool,
) -> None:
    monkeypatch.setattr(store, "ARCHIVE_BATCH_ENTRIES", 4)
    monkeypatch.setattr(archive, "MAX_PART_ENTRIES", 5)
    edit = entry(message_id="m-00003", text="edited", sequence_number=99, at=LATER)
    written = [*entries(number=9), edit]
    store_many(conversation_uuid=closed, entries=written)
    killed_once(monkeypatch, module, name, at_call=at_call, after=after)

    with pytest.raises(Killed):
        migrate(conversation_uuid=closed, now=LATER)
    in_archive = {document["id"] for document in transcript(closed)}
    in_store = {one.message_id for one in stored_entries(conversation_uuid=closed)}
    assert in_archive | in_store == {one.message_id for one in written}
    assert Conversation.objects.get().archived_at is None

    migrate(conversation_uuid=closed, now=LATER)

    documents = transcript(closed)
    assert [document["id"] for document in documents] == [f"m-{n:05d}" for n in range(9)]
    assert sum(len(document.get("edits", ())) for document in documents) == 1
    assert Conversation.objects.get().message_count == 9
    assert Conversation.objects.get().archived_at == LATER
    assert unarchived_items() == []


def test_a_message_that_was_not_archived_keeps_no_place(
    closed: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_many(conversation_uuid=closed, entries=entries(number=3))
    monkeypatch.setattr(archive, "_merge_into_part", lambda *_arguments: None)

    with pytest.raises(archive.ArchiveIncomplete):
        migrate(conversation_uuid=closed, now=LATER)

    assert len(unarchived_items()) == 3
    assert Conversation.objects.get().archived_at is None


def test_a_conversation_is_not_marked_as_archived_while_the_store_is_down(
    closed: UUID, settings: Any
) -> None:
    settings.DYNAMODB_MESSAGE_TABLE = "another_table"

    with pytest.raises(Unavailable):
        migrate(conversation_uuid=closed, now=LATER)

    assert Conversation.objects.get().archived_at is None


def test_a_message_that_is_stored_during_the_migration_is_left_to_the_next_search(
    closed: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_many(conversation_uuid=closed, entries=entries(number=3))
    real = archive.merge

    def merge(**arguments: Any) -> int:
        merged = real(**arguments)
        store_many(conversation_uuid=closed, entries=[entry(message_id="meanwhile")])
        return merged

    with monkeypatch.context() as patch:
        patch.setattr(archive, "merge", merge)
        assert migrate(conversation_uuid=closed, now=LATER).own == 3

    assert [one.message_id for one in stored_entries(conversation_uuid=closed)] == ["meanwhile"]
    assert migrate(conversation_uuid=closed, now=LATER).own == 1
    assert stored_entries(conversation_uuid=closed) == []


def test_two_searches_at_once_merge_a_message_once(
    closed: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_many(conversation_uuid=closed, entries=entries(number=3))
    real = archive.merge

    def merge(**arguments: Any) -> int:
        assert real(**arguments) == 3
        return real(**arguments)

    monkeypatch.setattr(archive, "merge", merge)

    assert migrate(conversation_uuid=closed, now=LATER).own == 0
    assert Conversation.objects.get().message_count == 3
