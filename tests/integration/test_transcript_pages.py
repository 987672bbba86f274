"""The pages of a transcript have the messages of the whole transcript, in the same order."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.conversations.models import Conversation
from apps.messages import archive, store
from apps.messages.models import ConversationMessages
from apps.messages.transcript import transcript
from apps.messages.transcript_pages import TranscriptIndex
from tests.support.admin import operator
from tests.support.builders import NOON, conversation, entries, entry
from tests.support.stored import archive_many, store_many

pytestmark = pytest.mark.django_db


def in_pages(chat: Conversation, *, length: int) -> list[dict[str, Any]]:
    """Return the messages of all pages."""
    index = TranscriptIndex(chat)
    documents: list[dict[str, Any]] = []
    for start in range(0, index.count, length):
        page = index.page(start=start, length=length)
        assert len(page.documents) == min(length, index.count - start)
        assert (page.next_at is None) == (start + length >= index.count)
        documents += page.documents
    return documents


@pytest.mark.usefixtures("aws")
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_pages_together_are_the_transcript(monkeypatch: pytest.MonkeyPatch, data: Any) -> None:
    """Messages are archived, stored, both, edited, or written late between the parts."""
    version = st.tuples(st.integers(0, 12), st.integers(0, 30), st.sampled_from("abc"))
    drawn = data.draw(st.lists(version, max_size=40))
    versions = [
        entry(
            message_id=f"m-{number}",
            at=NOON + timedelta(seconds=second),
            text=text,
            sequence_number=place + 1,
        )
        for place, (number, second, text) in enumerate(drawn)
    ]
    middle = data.draw(st.integers(0, len(versions)))
    archived, stored = versions[:middle], versions[middle:]
    length = data.draw(st.integers(1, 7))
    monkeypatch.setattr(archive, "MAX_PART_ENTRIES", 3)
    monkeypatch.setattr(store, "ARCHIVE_BATCH_ENTRIES", data.draw(st.sampled_from([2, 500])))
    Conversation.objects.all().delete()
    chat = conversation()
    if archived:
        archive_many(conversation_uuid=chat.uuid, entries=archived)
    store_many(conversation_uuid=chat.uuid, entries=stored)

    assert in_pages(chat, length=length) == transcript(chat)


def test_a_page_of_a_long_archive_reads_only_its_own_parts(
    aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_PART_ENTRIES", 100)
    chat = conversation()
    archive_many(conversation_uuid=chat.uuid, entries=entries(number=5_000))
    read: list[int] = []
    loaded = ConversationMessages.from_db.__func__  # type: ignore[attr-defined]

    def from_db(cls: Any, db: Any, names: Any, values: Any) -> Any:
        read.append(1)
        return loaded(cls, db, names, values)

    monkeypatch.setattr(ConversationMessages, "from_db", classmethod(from_db))

    index = TranscriptIndex(chat)
    page = index.page(start=3_025, length=50)

    assert index.count == 5_000
    assert [one["id"] for one in (page.documents[0], page.documents[-1])] == [
        "m-03025",
        "m-03074",
    ]
    assert len(read) == 1
    assert page.next_at == NOON + timedelta(seconds=3_075)


def test_timeline_entries_are_on_the_page_of_their_time(aws: None, settings: Any) -> None:
    settings.CONSOLE_ENABLED = True
    chat = conversation()
    store_many(conversation_uuid=chat.uuid, entries=entries(number=1_100))
    Conversation.objects.update(ended_at=NOON + timedelta(seconds=600), resolution=0)
    client = operator()
    url = reverse("admin:conversation_messages_transcript", args=[chat.pk])

    has_entry = [
        "Closed: resolved" in client.get(url, {"page": page}, secure=True).content.decode()
        for page in (1, 2, 3)
    ]

    assert has_entry == [False, True, False]
