"""A survey answer belongs to the open conversation with contact messages, else to a recent one."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from apps.conversations.answering import attribute_answer
from apps.conversations.models import Conversation, Resolution
from celery_sqs_fifo import Place
from tests.support.builders import NOON, contact, conversation, found, place

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
WEEK = timedelta(days=7)


def closed(*, ended_at: datetime, **fields: Any) -> Conversation:
    """Return a closed conversation of the default contact."""
    opened_at = fields.pop("opened_at", ended_at - SECOND)
    return conversation(
        resolution=Resolution.RESOLVED, ended_at=ended_at, opened_at=opened_at, **fields
    )


def answered(*, at: datetime = NOON + SECOND, contact_name: str = "") -> UUID | None:
    """Return the conversation that an answer of the default contact belongs to."""
    return answered_at(place(queue_time=at), contact_name=contact_name)


def answered_at(at: Place, *, contact_name: str = "") -> UUID | None:
    """Return the conversation that an answer at this place belongs to."""
    attribution = attribute_answer(
        contact=contact(), place=at, has_text_of_contact=False, contact_name=contact_name
    )
    assert attribution
    return attribution.conversation_uuid


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
def test_without_another_conversation_it_belongs_to_the_one_with_the_bots_question() -> None:
    outreach = conversation(contact_wrote=False)

    assert answered() == outreach.uuid


@pytest.mark.django_db
def test_without_any_conversation_it_belongs_to_none_and_opens_none() -> None:
    assert answered() is None
    assert not Conversation.objects.exists()


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

    assert answered(at=NOON) == (last.uuid if belongs else None)


@pytest.mark.django_db
def test_it_belongs_to_no_conversation_of_another_contact() -> None:
    conversation(urn="telegram:2")
    closed(ended_at=NOON - MINUTE, urn="telegram:3")

    assert answered() is None


@pytest.mark.django_db
def test_a_conversation_without_a_name_takes_that_of_the_answer() -> None:
    outreach = conversation(contact_wrote=False)

    answered(contact_name="")
    answered(at=NOON + 2 * SECOND, contact_name="Ana")
    answered(at=NOON + 3 * SECOND, contact_name="Bia")

    outreach.refresh_from_db()
    assert outreach.contact_name == "Ana"


@pytest.mark.django_db
def test_it_belongs_where_an_earlier_event_of_its_group_is_even_if_the_queue_times_fall() -> None:
    closed(ended_at=NOON - MINUTE)
    current = found(sent_at=NOON, from_contact=False)
    found(sent_at=NOON + SECOND, group_id="other", sequence_number=1)

    behind = place(queue_time=NOON - 5 * SECOND, group="other", sequence_number=2)

    assert answered_at(behind) == current.conversation_uuid
