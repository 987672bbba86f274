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
    check_archiving,
)
from tests.support.measured_migration import LockProbe

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("aws")]

# The number of messages, their length in characters, and the memory that archiving may take.
MANY = (3_000, 200, 30 * MEGABYTE)
BIG = (12, MAX_TEXT_LENGTH, 60 * MEGABYTE)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "size", "max_growth"), [MANY, BIG], ids=["many", "big"])
def test_a_large_conversation_is_archived_in_bounded_memory_and_locked_only_to_merge(
    stack: Stack, number: int, size: int, max_growth: int
) -> None:
    check_archiving(number=number, size=size, max_growth=max_growth, stack=stack)


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
