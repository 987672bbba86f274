"""The item of the event that opened a conversation names its contact, and no other item does."""

from datetime import timedelta
from typing import Any

import pytest

from apps.common.errors import Unavailable
from apps.conversations.models import Conversation
from apps.messages import message_table, store
from apps.messages.openings import Opening
from celery_sqs_fifo import QueuedEvent
from tests.support.builders import (
    NOON,
    close_body,
    contact,
    deliver,
    deliver_bodies,
    message_body,
    noise,
    queued_event,
    run_chain,
    window_body,
)
from tests.support.erasures import group_of
from tests.support.stored import every_item

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("aws", "outbox_hints"),
]

SECOND = timedelta(seconds=1)
USUAL = Opening(contact=contact(), group=group_of())


def message(message_id: str, *, second: int = 0, **fields: Any) -> QueuedEvent:
    """Return a message in the usual group of the contact."""
    body = message_body(message={"id": message_id, "created_at": "", **fields})
    return queued_event(body=body, sent_at=NOON + second * SECOND, group_id=group_of())


def openings() -> dict[str, Opening]:
    """Return the openings by the ids of the messages that have them; "" is that of a window."""
    return {
        _id(item): Opening.parse(item["opening"]["S"]) for item in every_item() if "opening" in item
    }


def _id(item: dict[str, Any]) -> str:
    return item["entry"]["S"].partition('"id":"')[2][:3] if "entry" in item else ""


def test_only_the_first_message_names_the_contact() -> None:
    for number in range(3):
        deliver(event=message(f"m-{number}", second=number))

    assert openings() == {"m-0": USUAL}


def test_only_the_first_message_of_a_batch_names_the_contact() -> None:
    run_chain(events=[message(f"m-{number}", second=number) for number in range(3)])

    assert openings() == {"m-0": USUAL}


def test_each_conversation_is_named_by_its_first_message() -> None:
    deliver(event=message("m-0"))
    deliver(event=queued_event(body=close_body(), sent_at=NOON + SECOND, group_id=group_of()))
    deliver(event=message("m-1", second=2))
    deliver(event=message("m-2", second=3))

    assert openings() == {"m-0": USUAL, "m-1": USUAL}


def test_a_message_whose_worker_ended_before_it_was_stored_names_the_contact(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = message("m-0")
    with monkeypatch.context() as patch:
        patch.setattr(store, "put", _unavailable)
        assert deliver(event=first) is not None
    assert Conversation.objects.exists()

    deliver(event=message("m-1", second=1))
    deliver(event=first)

    assert openings() == {"m-0": USUAL}


def _unavailable(*_positional: Any, **_arguments: Any) -> bool:
    raise Unavailable("DynamoDB", "a test")


def test_a_redelivery_changes_nothing() -> None:
    first = message("m-0")
    deliver(event=first)
    before = every_item()

    deliver(event=first)

    assert every_item() == before


def test_a_message_in_chunks_names_the_contact_once() -> None:
    deliver(event=message("m-0", text=noise(700_000)))

    (head,) = (item for item in every_item() if "chunks" in item)
    assert Opening.parse(head["opening"]["S"]) == USUAL
    assert sum("opening" in item for item in every_item()) == 1


# The first two fit into one item.
@pytest.mark.parametrize("size", [400_000, 401_500, 403_000, 405_000, 407_700, 700_000])
def test_a_large_message_of_a_contact_with_a_long_urn_is_stored_with_its_opening(size: int) -> None:
    urn = "漢" * 512
    event = queued_event(body=message_body(urn=urn, message={"text": noise(size)}))

    assert deliver(event=event) is None

    conversation = Conversation.objects.get()
    assert store.count(conversation.uuid) == 1
    (head,) = (item for item in every_item() if "opening" in item)
    assert Opening.parse(head["opening"]["S"]).contact.urn == urn


def test_a_window_that_opens_a_conversation_names_the_contact() -> None:
    deliver_bodies(bodies=[window_body(), message_body(), window_body(data={"external_id": "2"})])

    conversation = Conversation.objects.get()
    (item,) = (item for item in every_item() if "opened" in item)
    assert item["opened"]["S"] == str(conversation.uuid)
    assert openings() == {"": Opening(contact=contact(), group=conversation.group_id)}
    # Whoever reads the messages reads no opening.
    assert store.count(conversation.uuid) == 1


def test_a_window_takes_effect_although_its_item_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(message_table, "put_new", _unavailable)

    deliver_bodies(bodies=[window_body()])

    assert Conversation.objects.exists()
    assert "opening_not_written" in caplog.messages


def test_the_usual_group_of_a_contact_is_not_repeated() -> None:
    other = Opening(contact=contact(), group="another")

    assert "group" not in str(USUAL)
    assert Opening.parse(str(USUAL)) == USUAL
    assert Opening.parse(str(other)) == other
