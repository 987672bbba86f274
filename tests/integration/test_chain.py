"""Events run through the three steps."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from apps.analytics.models import SurveyAnswer
from apps.common.errors import Unavailable
from apps.conversations.models import Conversation, Resolution
from celery_sqs_fifo import BatchItem, EventsFailed, QueuedEvent, Result
from tasks.pipeline import process_message
from tests.support.builders import (
    NOON,
    WINDOW_NAME,
    close_body,
    deliver,
    deliver_bodies,
    message_body,
    numbered_message,
    queued_event,
    run_chain,
    survey_body,
    window_body,
)
from tests.support.stored import (
    archived,
    counted_calls,
    every_item,
    every_row,
    stored_entries,
    unarchived_items,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("aws", "outbox_hints"),
]

SECOND = timedelta(seconds=1)
# A batch of many events and batches of one event must have the same effects.
EITHER_WAY = pytest.mark.parametrize("batch_size", [25, 1], ids=["batches", "single events"])


def run_in_batches(*, events: Sequence[QueuedEvent], batch_size: int) -> list[BatchItem]:
    """Deliver the events in batches of this size."""
    starts = range(0, len(events), batch_size)
    return [item for at in starts for item in run_chain(events=events[at : at + batch_size])]


@EITHER_WAY
def test_messages_of_several_contacts_are_stored_in_their_conversations(batch_size: int) -> None:
    """The answer is in the group of a contact who writes before and after it."""
    bodies = [
        (urn, message_body(urn=urn, message={"id": f"{urn}-{number}"}))
        for number in range(3)
        for urn in ("telegram:1", "telegram:2", "telegram:3")
    ]
    bodies.insert(4, ("telegram:1", survey_body(urn="telegram:1")))

    batch = run_in_batches(
        events=[queued_event(body=body, group_id=urn) for urn, body in bodies],
        batch_size=batch_size,
    )

    assert [item.outcome for item in batch] == [None] * 10
    for current in Conversation.objects.all():
        stored = stored_entries(conversation_uuid=current.uuid)
        expected = {f"{current.contact_urn}-{number}" for number in range(3)}
        assert {one.message_id for one in stored} == expected
    answered = Conversation.objects.get(contact_urn="telegram:1")
    assert SurveyAnswer.objects.get().conversation_id == answered.uuid
    assert Conversation.objects.count() == 3


def test_messages_stay_in_dynamodb_until_a_close_archives_them() -> None:
    deliver_bodies(bodies=[numbered_message(0), numbered_message(1)])
    current = Conversation.objects.get()
    assert [one.message_id for one in stored_entries(conversation_uuid=current.uuid)] == [
        "m-0",
        "m-1",
    ]
    assert not list(archived(conversation_uuid=current.uuid))

    deliver_bodies(bodies=[close_body(resolution=1)], sent_at=NOON + 10 * SECOND)

    current.refresh_from_db()
    assert current.resolution == Resolution.UNRESOLVED
    assert current.archived_at is not None
    assert [one["id"] for one in archived(conversation_uuid=current.uuid)] == ["m-0", "m-1"]
    assert unarchived_items() == []


def test_a_message_is_one_write_to_dynamodb() -> None:
    deliver_bodies(bodies=[numbered_message(0)])

    with counted_calls() as calls:
        deliver_bodies(bodies=[numbered_message(1)], sent_at=NOON + SECOND)

    assert calls == {"PutItem": 1}


def test_a_batch_of_messages_is_one_write_to_dynamodb() -> None:
    events = [
        queued_event(body=message_body(urn=f"telegram:{n}"), group_id=f"g-{n}") for n in range(10)
    ]

    with counted_calls() as calls:
        batch = run_chain(events=events)

    assert [item.outcome for item in batch] == [None] * 10
    assert calls == {"BatchWriteItem": 1}


def test_messages_after_a_close_belong_to_the_next_conversation() -> None:
    deliver_bodies(
        bodies=[numbered_message(0), close_body(), numbered_message(5), numbered_message(6)]
    )

    first, second = Conversation.objects.order_by("opened_at")
    assert [one["id"] for one in archived(conversation_uuid=first.uuid)] == ["m-0"]
    assert len(stored_entries(conversation_uuid=second.uuid)) == 2


def test_a_redelivered_close_does_not_close_the_next_conversation() -> None:
    _, closing, _ = deliver_bodies(bodies=[numbered_message(0), close_body(), numbered_message(5)])
    rows, items = every_row(), every_item()

    assert deliver(event=closing) is None

    assert every_row() == rows
    assert every_item() == items


def test_a_redelivery_archives_after_a_close_that_was_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deliver_bodies(bodies=[numbered_message(0)])
    closing = queued_event(body=close_body(), sent_at=NOON + 10 * SECOND)
    with monkeypatch.context() as patch:
        patch.setattr("tasks.closing.migrate", _unavailable)
        outcome = deliver(event=closing)
    assert outcome is not None
    assert outcome.result is Result.UNAVAILABLE

    assert deliver(event=closing) is None

    stored = Conversation.objects.get()
    assert stored.archived_at is not None
    assert [one["id"] for one in archived(conversation_uuid=stored.uuid)] == ["m-0"]


def test_a_redelivered_edit_is_late_even_if_it_is_newer_than_the_last_message() -> None:
    original = numbered_message(0)
    edit = numbered_message(0, text="edited", created_at=(NOON + 5 * SECOND).isoformat())
    _, edited, _ = deliver_bodies(bodies=[original, edit, close_body()])
    rows = every_row()

    deliver(event=edited)

    assert every_row() == rows


def test_a_redriven_message_goes_to_the_conversation_of_its_place_and_is_archived() -> None:
    deliver_bodies(bodies=[numbered_message(0)])
    deliver_bodies(bodies=[numbered_message(9), close_body()], sent_at=NOON + 9 * SECOND)

    deliver_bodies(bodies=[numbered_message(5)], sent_at=NOON + 5 * SECOND)

    only = Conversation.objects.get()
    assert [one["id"] for one in archived(conversation_uuid=only.uuid)] == ["m-0", "m-5", "m-9"]
    assert unarchived_items() == []


def test_a_takeover_closes_the_conversation_and_names_the_contact() -> None:
    deliver_bodies(bodies=[numbered_message(0), window_body(data={"has_chats_room": True})])

    closed = Conversation.objects.get()
    assert closed.resolution == Resolution.HAS_CHAT_ROOM
    assert (closed.external_id, closed.contact_name) == ("w-1", WINDOW_NAME)
    assert closed.archived_at is not None


def test_a_close_without_a_conversation_has_no_effect() -> None:
    deliver_bodies(bodies=[close_body()])

    assert not Conversation.objects.exists()


def test_a_takeover_without_a_conversation_opens_one_that_is_closed_and_archived() -> None:
    deliver_bodies(bodies=[window_body(data={"has_chats_room": True})])

    only = Conversation.objects.get()
    assert (only.resolution, only.has_chats_room) == (Resolution.HAS_CHAT_ROOM, True)
    assert only.archived_at is not None


def test_an_answer_publishes_one_outbox_hint(outbox_hints: list[str]) -> None:
    deliver_bodies(bodies=[numbered_message(0)])
    assert not outbox_hints

    deliver_bodies(bodies=[survey_body()], sent_at=NOON + SECOND)

    assert outbox_hints == ["hint"]
    assert Conversation.objects.get().csat == 5


def test_an_answer_opens_no_conversation_and_stores_no_message() -> None:
    deliver_bodies(bodies=[survey_body()])

    assert not Conversation.objects.exists()
    assert SurveyAnswer.objects.get().score == 5
    assert unarchived_items() == []


def test_a_step_that_is_called_directly_runs_and_returns_its_items() -> None:
    event = queued_event(body=numbered_message(0))

    (item,) = process_message([event.as_json()])

    assert item.outcome is None
    assert item.state.conversation_uuid == Conversation.objects.get().uuid


def test_a_step_that_is_called_directly_with_a_bad_event_raises_its_outcomes() -> None:
    batch = [BatchItem(queued_event(body="not JSON"))]

    with pytest.raises(EventsFailed) as caught:
        process_message(batch)

    assert [outcome.reason for outcome in caught.value.outcomes] == ["not_json"]


def _unavailable(**_arguments: Any) -> None:
    raise Unavailable("DynamoDB", "ThrottlingException")
