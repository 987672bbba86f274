"""Conversations of 50,000 messages, and of 300 messages of 1 MiB, are archived in bounded memory.

`tests/integration/test_large_archives.py` tests smaller ones. Memory is the growth of a whole
process, C libraries included.
"""

import pytest

from embedded.stack import Stack
from tests.support.large_archives import (
    MAX_TEXT_LENGTH,
    MEGABYTE,
    LargeConversation,
    check_archiving,
    migrate_measured,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("aws")]

# The number of messages, their characters, and the bytes by which archiving may grow.
MANY = (50_000, 200, 30 * MEGABYTE)
BIG = (300, MAX_TEXT_LENGTH, 60 * MEGABYTE)


@pytest.mark.parametrize(("number", "size", "max_growth"), [MANY, BIG], ids=["many", "big"])
def test_a_large_conversation_is_archived_in_bounded_memory_and_locked_only_to_merge(
    stack: Stack, number: int, size: int, max_growth: int
) -> None:
    check_archiving(number=number, size=size, max_growth=max_growth, stack=stack)


@pytest.mark.parametrize(("number", "size", "max_growth"), [MANY, BIG], ids=["many", "big"])
def test_edits_in_all_parts_are_archived_in_bounded_memory(
    stack: Stack, number: int, size: int, max_growth: int
) -> None:
    large = LargeConversation.stored(number=number, size=size)
    migrate_measured(large.uuid, stack=stack)
    edited = large.store_edits(every=number // 100)

    measured = migrate_measured(large.uuid, stack=stack)

    large.check_archive()
    assert measured.moved == large.edits() == edited
    assert measured.grown < max_growth
