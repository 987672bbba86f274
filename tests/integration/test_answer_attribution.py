"""A survey answer belongs to the open conversation with contact messages, else to a recent one."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from apps.conversations.models import Conversation, Resolution
from apps.conversations.selectors import answered_conversation
from tests.support.builders import NOON, contact, conversation

MINUTE = timedelta(minutes=1)
WEEK = timedelta(days=7)


def closed(*, ended_at: datetime, **fields: Any) -> Conversation:
    """Return a closed conversation of the default contact."""
    return conversation(resolution=Resolution.RESOLVED, ended_at=ended_at, **fields)


def answered(*, at: datetime = NOON) -> UUID | None:
    """Return the conversation that an answer of the default contact belongs to."""
    return answered_conversation(contact=contact(), answered_at=at)


@pytest.mark.django_db
def test_an_answer_belongs_to_the_conversation_the_contact_has_written_in() -> None:
    closed(ended_at=NOON - MINUTE)
    current = conversation()

    assert answered() == current.uuid


@pytest.mark.django_db
def test_a_conversation_with_only_the_bots_question_is_not_the_answered_one() -> None:
    last = closed(ended_at=NOON - MINUTE)
    conversation(contact_wrote=False)

    assert answered() == last.uuid


@pytest.mark.django_db
def test_without_another_conversation_it_belongs_to_none() -> None:
    conversation(contact_wrote=False)

    assert answered() is None


@pytest.mark.django_db
def test_it_belongs_to_the_conversation_that_closed_last() -> None:
    last = closed(ended_at=NOON - MINUTE)
    closed(ended_at=NOON - 2 * MINUTE)

    assert answered() == last.uuid


@pytest.mark.django_db
@pytest.mark.parametrize("first_made", ["earlier", "later"])
def test_of_two_closed_in_the_same_millisecond_it_belongs_to_the_last_opened(
    first_made: str,
) -> None:
    order = (2, 1) if first_made == "earlier" else (1, 2)
    created = {
        ago: closed(ended_at=NOON - MINUTE, opened_at=NOON - ago * MINUTE).uuid for ago in order
    }

    assert answered() == created[1]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("ago", "belongs"),
    [(MINUTE, True), (WEEK, True), (WEEK + MINUTE, False), (8 * timedelta(days=1), False)],
)
def test_it_belongs_to_one_that_closed_within_seven_days(ago: timedelta, belongs: bool) -> None:
    last = closed(ended_at=NOON - ago)

    assert answered() == (last.uuid if belongs else None)


@pytest.mark.django_db
def test_it_belongs_to_nothing_of_another_contact() -> None:
    conversation(urn="telegram:2")
    closed(ended_at=NOON - MINUTE, urn="telegram:3")

    assert answered() is None
