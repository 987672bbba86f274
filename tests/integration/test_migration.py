"""Messages move from DynamoDB into the archive; a crash only delays it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from apps.common.errors import Unavailable
from apps.common.lossless_json import parse
from apps.conversations.models import Conversation, Resolution
from apps.messages import archive, store
from apps.messages.archiving import migrate
from apps.messages.models import ConversationMessages
from tests.support.builders import NOON, conversation, entries, entry
from tests.support.stored import archived, every_item, store_many, stored_entries

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("aws")]

LATER = NOON + timedelta(hours=1)


class Killed(BaseException):
    """Simulates the kill of a worker; no code catches it."""


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
    """Kill the process at a call of this function, before or right after it acts."""
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

    assert migrate(conversation_uuid=closed, now=LATER) == 2_500

    assert transcript(closed) == [one.as_json() for one in written]
    parts = ConversationMessages.objects.filter(conversation=closed).order_by("part")
    assert [part.message_count for part in parts] == [1_000, 1_000, 500]
    stored = Conversation.objects.get()
    assert stored.message_count == 2_500
    assert (stored.first_message_at, stored.last_message_at) == (written[0].at, written[-1].at)
    assert stored.archived_at == LATER
    assert every_item() == []


def test_an_empty_conversation_is_archived(closed: UUID) -> None:
    assert migrate(conversation_uuid=closed, now=LATER) == 0

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
    assert every_item() == []


def test_a_message_that_is_redelivered_after_archiving_is_moved_again(closed: UUID) -> None:
    store_many(conversation_uuid=closed, entries=entries(number=3))
    migrate(conversation_uuid=closed, now=LATER)
    before = transcript(closed)

    store_many(conversation_uuid=closed, entries=entries(number=2))
    migrate(conversation_uuid=closed, now=LATER)

    assert transcript(closed) == before
    assert every_item() == []


def test_a_conversation_in_progress_is_moved_and_not_marked_as_archived() -> None:
    uuid = conversation().uuid
    store_many(conversation_uuid=uuid, entries=entries(number=3))

    migrate(conversation_uuid=uuid, now=LATER)

    assert len(transcript(uuid)) == 3
    assert Conversation.objects.get().archived_at is None


@pytest.mark.parametrize("letter", ["x", "😕"], ids=["one", "four"])
def test_a_body_of_1_mib_is_archived_completely_and_leaves_no_chunk(
    closed: UUID, letter: str
) -> None:
    big = entry(text=letter * (1_000_000 // len(letter.encode())))
    store.put(conversation_uuid=closed, entry=big, now=NOON)

    migrate(conversation_uuid=closed, now=LATER)

    assert transcript(closed) == [big.as_json()]
    assert every_item() == []


def test_any_json_is_archived_and_compares_equal(closed: UUID) -> None:
    deep = "[" * 300 + "]" * 300
    document = parse(f'{{"n": [1e100000, 0.10, 1E+2, -0.0], "t": "a\\u0000\\ud83d", "d": {deep}}}')
    nasty = entry(message=document)
    store.put(conversation_uuid=closed, entry=nasty, now=NOON)

    migrate(conversation_uuid=closed, now=LATER)

    assert transcript(closed) == [nasty.as_json()]


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59.999999+00:00"])
def test_the_earliest_and_the_latest_datetime_are_archived(closed: UUID, text: str) -> None:
    extreme = entry(at=NOON.fromisoformat(text))
    store.put(conversation_uuid=closed, entry=extreme, now=NOON)

    migrate(conversation_uuid=closed, now=LATER)

    assert transcript(closed) == [extreme.as_json()]
    assert Conversation.objects.get().first_message_at == extreme.at


@pytest.mark.parametrize(
    ("module", "name", "at_call", "after"),
    [
        (archive, "merge", 1, False),
        (archive, "merge", 1, True),
        (archive, "merge", 2, False),
        (archive, "merge", 2, True),
        (store, "delete", 1, True),
        (store, "delete", 3, False),
        (store, "delete", 3, True),
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
    assert every_item() == []


def test_a_message_that_was_not_archived_is_not_deleted(
    closed: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_many(conversation_uuid=closed, entries=entries(number=3))
    before = every_item()
    monkeypatch.setattr(archive, "_merge_into_part", lambda *_arguments: None)

    with pytest.raises(archive.ArchiveIncomplete):
        migrate(conversation_uuid=closed, now=LATER)

    assert every_item() == before
    assert Conversation.objects.get().archived_at is None


def test_a_conversation_is_not_marked_as_archived_while_the_store_is_down(
    closed: UUID, settings: Any
) -> None:
    settings.DYNAMODB_MESSAGE_TABLE = "another_table"

    with pytest.raises(Unavailable):
        migrate(conversation_uuid=closed, now=LATER)

    assert Conversation.objects.get().archived_at is None


def test_a_message_that_is_stored_during_the_migration_is_not_deleted(
    closed: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_many(conversation_uuid=closed, entries=entries(number=3))
    real = store.delete

    def delete(**arguments: Any) -> None:
        store_many(conversation_uuid=closed, entries=[entry(message_id="meanwhile")])
        real(**arguments)

    monkeypatch.setattr(store, "delete", delete)

    migrate(conversation_uuid=closed, now=LATER)

    assert [one.message_id for one in stored_entries(conversation_uuid=closed)] == ["meanwhile"]
