"""Conversations larger than a batch and a part are archived in bounded memory.

`tests/chaos/test_large_archives.py` tests larger ones, and edits of them. Memory is measured for
the whole process, C libraries included, as growth since the start of the archiving.
"""

from types import SimpleNamespace

import pytest
from django.db import transaction

from apps.conversations.models import Conversation
from embedded.stack import Stack
from tests.support.large_archives import (
    MAX_TEXT_LENGTH,
    MEGABYTE,
    LargeConversation,
    migrate_measured,
)
from tests.support.measured_migration import LockProbe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("aws")]

# The number of messages, their length in characters, and the memory that archiving may take.
MANY = (3_000, 200, 30 * MEGABYTE)
BIG = (12, MAX_TEXT_LENGTH, 60 * MEGABYTE)


@pytest.mark.parametrize(("number", "size", "most"), [MANY, BIG], ids=["many", "big"])
def test_a_large_conversation_is_archived_in_bounded_memory_and_locked_only_to_merge(
    stack: Stack, number: int, size: int, most: int
) -> None:
    large = LargeConversation.stored(number=number, size=size)

    measured = migrate_measured(large.uuid, stack=stack)

    large.check_archive()
    assert measured.moved == number
    assert measured.calls["Query"] > 1
    assert measured.calls_while_locked == 0
    assert measured.grown < most

    assert large.migrate_late_message() == 1
    ids = large.archived_ids()
    assert ids.index("late") == number // 2 + 1
    assert len(ids) == number + 1


def test_a_lock_that_is_held_during_a_call_to_dynamodb_is_detected() -> None:
    uuid = LargeConversation.stored(number=1, size=5).uuid
    probe = LockProbe(conversation_uuid=uuid)
    call = SimpleNamespace(name="Query")

    probe(call)
    assert probe.calls_while_locked == 0
    with transaction.atomic():
        Conversation.objects.select_for_update().get(uuid=uuid)
        probe(call)
    probe(call)
    probe.close()

    assert (probe.calls["Query"], probe.calls_while_locked) == (3, 1)
