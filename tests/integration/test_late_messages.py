"""Messages that arrive after their conversation was closed."""

from datetime import timedelta

import pytest

from apps.conversations.attribution import Attribution
from apps.conversations.models import Resolution
from tests.support.builders import NOON, conversation, found
from tests.support.stored import changes_of_rows

TABLE = "conversations_conversation"
SECOND = timedelta(seconds=1)


@pytest.mark.django_db
@pytest.mark.parametrize("in_progress", [True, False], ids=["beside-an-open-one", "alone"])
@pytest.mark.parametrize("seconds", [0, 5, 10])
def test_a_message_within_the_span_of_a_closed_conversation_is_late(
    seconds: int, in_progress: bool
) -> None:
    closed = conversation(
        resolution=Resolution.RESOLVED,
        ended_at=NOON + 20 * SECOND,
        span=(NOON, NOON + 10 * SECOND),
    )
    if in_progress:
        conversation(opened_at=NOON + 30 * SECOND, contact_wrote=False)
    before = changes_of_rows(table=TABLE)

    place = found(at=NOON + seconds * SECOND, sent_at=NOON + 60 * SECOND)

    assert place == Attribution(conversation_uuid=closed.uuid, late=True)
    assert changes_of_rows(table=TABLE) == before


@pytest.mark.django_db
@pytest.mark.parametrize("microseconds", [-1, 10_000_001])
def test_a_message_outside_the_span_belongs_to_the_conversation_in_progress(
    microseconds: int,
) -> None:
    conversation(
        resolution=Resolution.RESOLVED,
        ended_at=NOON + 20 * SECOND,
        span=(NOON, NOON + 10 * SECOND),
    )
    current = conversation(opened_at=NOON + 30 * SECOND)

    place = found(at=NOON + timedelta(microseconds=microseconds), sent_at=NOON + 60 * SECOND)

    assert place == Attribution(conversation_uuid=current.uuid, late=False)


@pytest.mark.django_db
def test_a_late_message_belongs_to_the_conversation_that_ended_last() -> None:
    span = (NOON, NOON + 10 * SECOND)
    conversation(resolution=Resolution.RESOLVED, ended_at=NOON + 20 * SECOND, span=span)
    latest = conversation(resolution=Resolution.RESOLVED, ended_at=NOON + 30 * SECOND, span=span)

    assert found(at=NOON + SECOND).conversation_uuid == latest.uuid
