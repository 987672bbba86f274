"""Messages are merged into a conversation's archive in order, and never removed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.common.lossless_json import dump
from apps.conversations.models import Conversation
from apps.messages import archive, version_bounds
from apps.messages.entries import MessageEntry
from apps.messages.models import ConversationMessages
from apps.messages.versions import identity, in_order, position
from tests.support.builders import HOME, NOON, conversation, entries, entry
from tests.support.stored import archive_many, archived

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


def merged(*merges: Sequence[MessageEntry]) -> UUID:
    """Create a conversation and merge each of these sequences into its archive."""
    uuid = conversation(urn=f"telegram:{Conversation.objects.count()}", group_id=HOME).uuid
    for one in merges:
        archive_many(conversation_uuid=uuid, entries=one)
    return uuid


def transcript(uuid: UUID) -> list[dict[str, Any]]:
    """Return all entries of the archive."""
    return list(archived(conversation_uuid=uuid))


def ids(uuid: UUID) -> list[str]:
    """Return the message ids of the archive, in order."""
    return [document["id"] for document in transcript(uuid)]


def row_versions() -> list[tuple[int, str]]:
    """Return the number of each part and the ctid of its row, which every update changes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT part, ctid::text FROM conversation_messages_conversationmessages")
        return sorted(cursor.fetchall())


@pytest.fixture
def parts_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit a part to three messages."""
    monkeypatch.setattr(archive, "MAX_PART_ENTRIES", 3)


def test_the_archive_is_oldest_first_and_holds_all_fields_of_events() -> None:
    late, early = entry(message_id="m-2", at=NOON + SECOND), entry(message_id="m-1")

    uuid = merged([late, early])

    assert transcript(uuid) == [early.as_json(home=HOME), late.as_json(home=HOME)]


def test_messages_with_the_same_time_are_in_queue_order() -> None:
    numbers = (10, 9, 100, 18_873_000_000_000_000_000)

    uuid = merged([entry(message_id=str(n), sequence_number=n) for n in numbers])

    assert ids(uuid) == ["9", "10", "100", "18873000000000000000"]


def test_merging_updates_first_and_last_message_and_count_of_the_conversation() -> None:
    uuid = merged(entries(number=3), [entry(message_id="late", at=NOON - SECOND)])

    stored = Conversation.objects.get(uuid=uuid)
    assert (stored.first_message_at, stored.last_message_at) == (NOON - SECOND, NOON + 2 * SECOND)
    assert stored.message_count == 4


def test_merging_the_same_messages_again_writes_no_part() -> None:
    uuid = merged(entries(number=5))
    before, rows = transcript(uuid), row_versions()

    archive_many(conversation_uuid=uuid, entries=entries(number=5))

    assert transcript(uuid) == before
    assert row_versions() == rows


def test_merging_fewer_or_no_messages_removes_nothing() -> None:
    uuid = merged(entries(number=5))
    before = transcript(uuid)

    archive_many(conversation_uuid=uuid, entries=entries(number=2))
    archive_many(conversation_uuid=uuid, entries=[])

    assert transcript(uuid) == before


def test_an_edit_is_stored_in_its_entry() -> None:
    original = entry(text="an answer", sequence_number=1)
    edit = entry(text="a better answer", sequence_number=2)

    uuid = merged([original, edit])

    assert transcript(uuid) == [original.as_json(home=HOME) | {"edits": [edit.as_json(home=HOME)]}]
    assert Conversation.objects.get(uuid=uuid).message_count == 1


def test_edits_in_any_order_and_repeated_make_the_same_archive() -> None:
    versions = [
        entry(text=f"version {n}", sequence_number=n, at=NOON + n * SECOND) for n in (1, 2, 3)
    ]
    first, second, third = versions

    together = merged(versions)
    one_by_one = merged([third], [first], [third, second], [second])

    assert transcript(together) == transcript(one_by_one)
    assert [edit["message"]["text"] for edit in transcript(together)[0]["edits"]] == [
        "version 2",
        "version 3",
    ]


@pytest.mark.usefixtures("parts_of_three")
def test_an_earlier_version_moves_its_entry() -> None:
    others = entries(number=8)
    edit = entry(message_id="edited", text="edit", at=NOON + 60 * SECOND, sequence_number=99)
    original = entry(message_id="edited", text="original", at=NOON - SECOND, sequence_number=0)

    uuid = merged([*others, edit], [original])

    assert ids(uuid) == ["edited", *(one.message_id for one in others)]
    assert transcript(uuid)[0]["edits"] == [edit.as_json(home=HOME)]


@pytest.mark.usefixtures("parts_of_three")
def test_the_parts_of_a_long_archive_are_in_order_of_time() -> None:
    uuid = merged(entries(number=8))

    parts = list(ConversationMessages.objects.filter(conversation=uuid))
    assert [(part.part, part.message_count) for part in parts] == [(0, 3), (1, 3), (2, 2)]
    assert [part.first_message_at for part in parts] == [NOON + n * SECOND for n in (0, 3, 6)]
    assert [part.last_message_at for part in parts] == [NOON + n * SECOND for n in (2, 5, 7)]
    assert parts[0].message_ids == ["received:m-00000", "received:m-00001", "received:m-00002"]


def test_a_part_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_PART_BYTES", 10_000)

    uuid = merged([*entries(number=7, size=4_000), entry(message_id="big", text="x" * 50_000)])

    sizes = list(
        ConversationMessages.objects.filter(conversation=uuid).values_list("size", flat=True)
    )
    assert len(sizes) == 5
    assert sum(size > 10_000 for size in sizes) == 1


def test_the_size_of_a_part_is_in_bytes_in_any_script() -> None:
    written = entry(text="olá 😕" * 100)

    uuid = merged([written])

    part = ConversationMessages.objects.get(conversation=uuid)
    assert part.size == len(dump(written.as_json(home=HOME)).encode())


@pytest.mark.usefixtures("parts_of_three")
@pytest.mark.parametrize(("seconds", "rewritten"), [(0.5, 0), (4.5, 1), (7.5, 2)])
def test_a_late_message_rewrites_one_part(seconds: float, rewritten: int) -> None:
    uuid = merged()
    for number, run in enumerate(
        (entries(number=2), entries(number=8)[3:5], entries(number=8)[6:])
    ):
        _write_part(uuid, number, run)
    before = dict(row_versions())
    late = entry(message_id="late", at=NOON + timedelta(seconds=seconds))

    archive_many(conversation_uuid=uuid, entries=[late])

    after = dict(row_versions())
    assert {part for part in before if before[part] != after[part]} == {rewritten}
    assert "received:late" in ConversationMessages.objects.get(part=rewritten).message_ids
    assert transcript(uuid) == in_order(transcript(uuid), home=HOME)


@pytest.mark.usefixtures("parts_of_three")
def test_a_late_message_splits_a_full_part_and_leaves_other_parts_unchanged() -> None:
    uuid = merged(entries(number=9))
    late = entry(message_id="late", at=NOON + SECOND / 2)

    archive_many(conversation_uuid=uuid, entries=[late])

    parts = ConversationMessages.objects.filter(conversation=uuid).order_by("part")
    assert [part.message_count for part in parts] == [3, 1, 3, 3]
    assert ids(uuid)[:3] == ["m-00000", "late", "m-00001"]
    assert transcript(uuid) == in_order(transcript(uuid), home=HOME)


@pytest.mark.usefixtures("parts_of_three")
@pytest.mark.parametrize(("seconds", "counts"), [(2.5, [3, 1, 3]), (5.5, [3, 3, 1])])
def test_a_message_behind_a_full_part_begins_a_part_and_leaves_the_full_one_unchanged(
    seconds: float, counts: list[int]
) -> None:
    uuid = merged(entries(number=6))
    before = [ctid for _, ctid in row_versions()][: counts.index(1)]
    late = entry(message_id="late", at=NOON + timedelta(seconds=seconds))

    archive_many(conversation_uuid=uuid, entries=[late])

    parts = ConversationMessages.objects.filter(conversation=uuid).order_by("part")
    assert [part.message_count for part in parts] == counts
    assert [ctid for _, ctid in row_versions()][: counts.index(1)] == before
    assert transcript(uuid) == in_order(transcript(uuid), home=HOME)


@pytest.mark.usefixtures("parts_of_three")
def test_late_messages_of_several_full_parts_each_split_their_own_part() -> None:
    """Splitting a part renumbers the later ones."""
    uuid = merged(entries(number=9))
    late = [
        entry(message_id=f"late-{seconds}", at=NOON + timedelta(seconds=seconds))
        for seconds in (0.5, 4.5, 7.5)
    ]

    archive_many(conversation_uuid=uuid, entries=late)

    parts = ConversationMessages.objects.filter(conversation=uuid).order_by("part")
    assert [part.message_count for part in parts] == [3, 1, 3, 1, 3, 1]
    assert transcript(uuid) == in_order(transcript(uuid), home=HOME)


def test_nothing_is_merged_if_a_message_would_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    uuid = merged(entries(number=2))
    before = transcript(uuid)
    monkeypatch.setattr(archive, "_merge_into_part", lambda *_arguments: None)

    with pytest.raises(archive.ArchiveIncomplete):
        archive_many(conversation_uuid=uuid, entries=[entry(message_id="lost")])

    assert transcript(uuid) == before


def _write_part(uuid: UUID, number: int, run: Sequence[MessageEntry]) -> None:
    """Write a part that is not full: entries can leave a part when edits move them."""
    documents = [one.as_json(home=HOME) for one in run]
    ConversationMessages.objects.create(
        conversation_id=uuid,
        part=number,
        messages=documents,
        message_ids=[identity(one) for one in documents],
        first_position=position(documents[0]),
        first_message_at=run[0].at,
        last_message_at=run[-1].at,
        message_count=len(run),
        size=1,
    )
    Conversation.objects.filter(uuid=uuid).update(message_count=F("message_count") + len(run))


def edits(*, number: int, size: int = 10) -> list[MessageEntry]:
    """Return this number of versions of one message, each of about `size` bytes."""
    return [
        entry(text=f"{n}".ljust(size, "x"), at=NOON + n * SECOND, sequence_number=10 * n)
        for n in range(number)
    ]


@pytest.mark.parametrize(
    ("number", "size", "kept"),
    [(500, 10, 1 + version_bounds.MAX_EDITS), (40, 100_000, 20), (3, 3_000_000, 2)],
    ids=["many edits", "large edits", "edits that are larger than the bound"],
)
def test_the_first_and_the_newest_versions_of_a_message_are_kept_and_the_dropped_ones_counted(
    number: int, size: int, kept: int
) -> None:
    versions = edits(number=number, size=size)

    (archived,) = transcript(merged(versions))

    texts = [one["message"]["text"] for one in (archived, *archived["edits"])]
    assert texts == [one.message["text"] for one in (versions[0], *versions[1 - kept :])]
    assert archived["dropped"]["count"] == number - kept


@given(st.data())
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_bounded_entry_is_the_same_for_any_order_of_merges_and_for_repeats(
    data: st.DataObject,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(version_bounds, "MAX_EDITS", 3)
        versions = edits(number=9)
        versions.append(replace(versions[0], place=replace(versions[0].place, sequence_number=15)))
        merges = data.draw(st.lists(st.lists(st.sampled_from(versions), min_size=1), max_size=6))

        uuid = merged(*merges, versions)

        (archived,) = transcript(uuid)
        (at_once,) = transcript(merged(versions))
    assert archived == at_once
    assert archived["dropped"]["count"] == 5


def test_more_dropped_versions_than_are_recorded_are_counted_and_archived_without_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(version_bounds, "MAX_EDITS", 1)
    monkeypatch.setattr(version_bounds, "MAX_DIGESTS", 4)
    versions = edits(number=12)

    uuid = merged(*(versions[n : n + 3] for n in range(0, 12, 3)))

    (archived,) = transcript(uuid)
    assert archived["dropped"]["count"] == 10
    assert len(archived["dropped"]["digests"]) == 4


def test_a_repeat_of_an_earlier_body_is_left_out_and_another_turn_is_a_version() -> None:
    bodies = (("A", "1"), ("B", "2"), ("A", "1"), ("A", "3"))
    versions = [
        entry(text=text, correlation_id=turn, sequence_number=number)
        for number, (text, turn) in enumerate(bodies, start=1)
    ]

    at_once, backwards = merged(versions), merged(*([one] for one in reversed(versions)))

    assert transcript(at_once) == transcript(backwards)
    (document,) = transcript(at_once)
    assert [one["message"]["text"] for one in (document, *document["edits"])] == ["A", "B", "A"]


def test_attachments_are_part_of_a_version_and_directions_are_two_messages() -> None:
    photo = {"attachments": [{"url": "https://example.org/1.png"}]}
    received = [entry(sequence_number=1), entry(message=photo, sequence_number=2)]
    sent = entry(event_type="message.sent", sequence_number=3)

    uuid = merged([*received, sent])

    first, second = transcript(uuid)
    assert first["edits"][0]["message"]["attachments"] == photo["attachments"]
    assert second["event_type"] == "message.sent"
