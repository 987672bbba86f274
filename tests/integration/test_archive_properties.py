"""The archive does not depend on how its messages are grouped and ordered for merging."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.common.lossless_json import dump, parse
from apps.conversations.models import Conversation
from apps.messages import archive
from apps.messages.entries import MessageEntry
from apps.messages.models import ConversationMessages
from apps.messages.versions import in_order
from tests.support.builders import HOME, NOON, conversation, entry
from tests.support.json_documents import json_texts
from tests.support.stored import archive_many, archived
from tests.support.stored_form import read_entry

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


@pytest.fixture
def parts_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit a part to three messages."""
    monkeypatch.setattr(archive, "MAX_PART_ENTRIES", 3)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=json_texts())
def test_postgresql_returns_exactly_the_text_that_was_stored(db: None, text: str) -> None:
    document = parse(text)

    uuid = merged([entry(message={"n": document})])

    (kept,) = transcript(uuid)
    assert kept["message"]["n"] == document
    assert dump(kept["message"]["n"]) == dump(document)
    assert read_entry(kept) == entry(message={"n": document})


# Few ids, times and texts, so that edits, moves and equal times are frequent.
VERSIONS = st.builds(
    lambda message_id, seconds, number, text: entry(
        message_id=message_id, at=NOON + seconds * SECOND, sequence_number=number, text=text
    ),
    message_id=st.sampled_from("abcdefgh"),
    seconds=st.integers(0, 4),
    number=st.integers(1, 1_000),
    text=st.sampled_from(["first", "second"]),
)


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    versions=st.lists(VERSIONS, max_size=12, unique_by=lambda one: one.place.sequence_number),
    data=st.data(),
)
@pytest.mark.usefixtures("parts_of_three")
def test_merges_in_any_order_make_the_same_archive(
    db: None, versions: list[MessageEntry], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(versions))
    pieces: list[list[MessageEntry]] = []
    while shuffled:
        size = data.draw(st.integers(1, len(shuffled)))
        pieces.append(shuffled[:size])
        shuffled = shuffled[size:]
    again = data.draw(st.lists(st.sampled_from(versions), max_size=3)) if versions else []

    at_once, in_pieces = merged(versions), merged(*pieces, again)

    assert transcript(in_pieces) == transcript(at_once)
    assert transcript(at_once) == in_order(transcript(at_once), home=HOME)
    assert _state(in_pieces) == _state(at_once)
    counts = ConversationMessages.objects.filter(conversation=in_pieces)
    assert all(0 < part.message_count <= 3 for part in counts)


def _state(uuid: UUID) -> tuple[Any, ...]:
    stored = Conversation.objects.get(uuid=uuid)
    return stored.first_message_at, stored.last_message_at, stored.message_count
