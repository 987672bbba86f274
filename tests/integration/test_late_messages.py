"""Messages that run after later ones, such as redriven dead letters, go where they stood."""

from datetime import timedelta

import pytest

from apps.conversations.attribution import Attribution
from apps.conversations.models import Conversation, Resolution
from apps.conversations.span_models import Span
from tests.support.builders import NOON, conversation, found
from tests.support.stored import changes_of_rows

TABLE = "conversations_conversation"
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("in_progress", [True, False], ids=["beside-an-open-one", "alone"])
@pytest.mark.parametrize("seconds", [0, 5, 20])
def test_a_place_within_a_closed_conversation_belongs_to_it(
    seconds: int, in_progress: bool
) -> None:
    closed = conversation(resolution=Resolution.RESOLVED, ended_at=NOON + 20 * SECOND)
    if in_progress:
        conversation(opened_at=NOON + 30 * SECOND)
    before = changes_of_rows(table=TABLE)

    place = found(sent_at=NOON + seconds * SECOND, contact_name="")

    assert place == Attribution(conversation_uuid=closed.uuid, late=True)
    assert changes_of_rows(table=TABLE) == before


@pytest.mark.parametrize("stamp", [NOON, NOON + 5 * SECOND, NOON + timedelta(days=36_500)])
def test_a_message_queued_after_the_close_opens_the_next_whatever_its_stamp(
    stamp: timedelta,
) -> None:
    closed = conversation(resolution=Resolution.RESOLVED, ended_at=NOON + 20 * SECOND)

    place = found(at=stamp, sent_at=NOON + 21 * SECOND)

    assert place.opened
    assert place.conversation_uuid != closed.uuid


@pytest.mark.parametrize(("hours", "joins"), [(24, True), (24.001, False)])
def test_a_place_before_a_conversation_joins_it_if_it_opened_within_24_hours(
    hours: float, joins: bool
) -> None:
    current = conversation(opened_at=NOON)

    place = found(sent_at=NOON - hours * HOUR)

    assert (place.conversation_uuid == current.uuid) is joins
    current.refresh_from_db()
    assert current.opened_at == NOON
    assert found(sent_at=NOON - hours * HOUR) == place


def test_a_place_long_before_the_next_conversation_has_one_that_ends_where_that_begins() -> None:
    conversation(opened_at=NOON)

    early = found(sent_at=NOON - 30 * HOUR)

    assert early.conversation_uuid
    own = Conversation.objects.get(uuid=early.conversation_uuid)
    assert early.late
    assert own.resolution == Resolution.UNCLASSIFIED
    assert (own.opened_at, own.ended_at) == (NOON - 30 * HOUR, NOON)
    assert found(sent_at=NOON - HOUR).conversation_uuid == own.uuid


def test_the_numbers_of_a_group_count_even_if_its_timestamps_fall() -> None:
    first = found(sent_at=NOON, sequence_number=1)
    span = Span.objects.get()
    Conversation.objects.update(resolution=Resolution.RESOLVED, ended_at=NOON)
    Span.objects.update(last_sequence=2, ended_at=NOON, end_sequence=2, end_group=span.group_id)

    after = found(sent_at=NOON - 5 * SECOND, sequence_number=3)

    assert after.conversation_uuid != first.conversation_uuid
    assert found(sent_at=NOON, sequence_number=1).conversation_uuid == first.conversation_uuid
    assert found(sent_at=NOON - 5 * SECOND, sequence_number=3) == after


def test_an_event_of_another_group_writes_its_place_once() -> None:
    current = found(sent_at=NOON)

    other = found(sent_at=NOON + SECOND, group_id="other")
    assert other.conversation_uuid == current.conversation_uuid
    assert other.foreign_group
    assert found(sent_at=NOON + SECOND, group_id="other") == other
    foreign = Span.objects.exclude(of_span=None).get()
    assert (foreign.first_sequence, foreign.last_sequence) == (foreign.start_sequence,) * 2
