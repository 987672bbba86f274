"""A span ends after its newest message, whatever another group's close says."""

from datetime import timedelta
from typing import Any

import pytest

from apps.conversations.models import Conversation, Resolution
from apps.messages import store
from apps.messages.archiving import migrate
from tests.support.builders import NOON, close_body, deliver, message_body, queued_event
from tests.support.stored import archived_ids, stored_ids

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("aws", "outbox_hints"),
]

SECOND = timedelta(seconds=1)


def chat(number: int, *, seconds: int, **place: Any) -> None:
    """Deliver a message with this sequence number, queued this many seconds after noon."""
    event = queued_event(
        body=message_body(message={"id": f"m-{number}"}),
        sent_at=NOON + seconds * SECOND,
        sequence_number=str(number),
        **place,
    )
    assert deliver(event=event) is None


def close_from_another_group(*, seconds: int) -> None:
    """Deliver a close of another group, queued this many seconds after noon."""
    event = queued_event(
        body=close_body(),
        sent_at=NOON + seconds * SECOND,
        sequence_number="4",
        group_id="other",
    )
    assert deliver(event=event) is None


@pytest.fixture(params=["in DynamoDB", "archived"])
def archive(request: pytest.FixtureRequest) -> Any:
    """Return a function that archives the open conversation, or does nothing.

    The archived items expire.
    """

    def act() -> None:
        if request.param == "archived":
            conversation_uuid = Conversation.objects.get().uuid
            migrate(conversation_uuid=conversation_uuid, now=NOON)
            store.delete_conversation(conversation_uuid)

    return act


def test_a_close_that_is_older_than_the_newest_message_ends_the_span_after_it(archive: Any) -> None:
    chat(1, seconds=0)
    chat(2, seconds=9)
    archive()

    close_from_another_group(seconds=5)

    closed = Conversation.objects.get()
    assert closed.resolution == Resolution.RESOLVED
    assert closed.ended_at == NOON + 9 * SECOND


def test_an_end_is_the_same_if_the_times_of_the_group_fall(archive: Any) -> None:
    chat(1, seconds=0)
    chat(2, seconds=10)
    chat(3, seconds=5)
    archive()

    close_from_another_group(seconds=7)

    assert Conversation.objects.get().ended_at == NOON + 7 * SECOND
    # The messages are still in it, and later ones of the other group are not.
    chat(2, seconds=10)
    assert Conversation.objects.count() == 1
    chat(8, seconds=8, group_id="other")
    assert Conversation.objects.get(ended_at=None).opened_at == NOON + 8 * SECOND


def test_an_end_is_the_time_of_the_last_event_even_if_the_times_of_another_group_fall(
    archive: Any,
) -> None:
    chat(1, seconds=0, group_id="other")
    chat(2, seconds=10)
    chat(3, seconds=6)
    archive()

    close_from_another_group(seconds=5)

    assert Conversation.objects.get().ended_at == NOON + 6 * SECOND


def test_a_message_of_a_third_group_does_not_change_the_end(archive: Any) -> None:
    chat(1, seconds=0)
    chat(2, seconds=4)
    chat(3, seconds=6, group_id="third")
    archive()

    close_from_another_group(seconds=5)

    assert Conversation.objects.get().ended_at == NOON + 6 * SECOND


def test_an_event_before_a_close_of_the_same_millisecond_is_in_the_conversation_it_closes() -> None:
    chat(1, seconds=0, group_id="other")
    chat(2, seconds=1)
    close = queued_event(body=close_body(), sent_at=NOON + 2 * SECOND, sequence_number="4")
    assert deliver(event=close) is None
    chat(5, seconds=2)

    chat(3, seconds=2)

    first = Conversation.objects.get(resolution=Resolution.RESOLVED)
    migrate(conversation_uuid=first.uuid, now=NOON)
    assert archived_ids(first) == ["m-1", "m-2", "m-3"]
    assert stored_ids(Conversation.objects.get(resolution=Resolution.IN_PROGRESS)) == ["m-5"]
