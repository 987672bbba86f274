"""The effects of events are worked out from the events alone."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from testbed.traffic.effects import ExpectedConversation, expected_effects
from testbed.traffic.events import (
    Answer,
    Closing,
    Contact,
    Effect,
    Invalid,
    Message,
    SentEvent,
    Window,
)
from tests.unit.testbed.sent_events import NOON, as_sent, planned

CONTACT = Contact(project="p", channel="c", urn="u")
CHAT = Message(message_id="m-1", created_at=None, conversation=1)
CLOSE = Closing(conversation=1, resolution=0)


def sent(*effects: Effect, **fields: Any) -> list[SentEvent]:
    body = {
        "event_type": "message.received",
        "correlation_id": "c",
        "data": {"message": {"id": "m-1", "size": 1.10, **fields}},
    }
    return as_sent(planned(0, effect, contact=CONTACT, body=body) for effect in effects)


def conversation(*events: SentEvent, **closings: datetime) -> ExpectedConversation:
    (only,) = expected_effects(events, closings=closings).conversations
    return only


def answer(value: int, message_id: str) -> Answer:
    return Answer(
        message_id=message_id, key="weni_csat", value=str(value), score=value, conversation=1
    )


def test_a_repeat_is_not_a_version_but_an_edit_is() -> None:
    original, repeat = sent(CHAT, CHAT, text="oi")
    (edit,) = sent(CHAT, text="olá")
    of_contact = expected_effects([original, repeat, replace(edit, sequence_number=3)])

    (message,) = of_contact.contacts[CONTACT.id].messages.values()
    versions = message.versions
    texts = [each.document["data"]["message"]["text"] for each in versions]
    assert texts == ["oi", "olá"]
    assert [each.sequence_numbers for each in versions] == [[1, 2], [3]]


def test_numbers_are_expected_exactly() -> None:
    contact = expected_effects(sent(CHAT)).contacts[CONTACT.id]
    (message,) = contact.messages.values()
    document = message.versions[0].document

    assert document["data"]["message"]["size"] == Decimal("1.1")


def test_the_score_of_a_conversation_is_that_of_its_last_answer() -> None:
    expected = expected_effects(sent(answer(5, "a"), answer(3, "b"), answer(1, "a")))

    assert [each.score("weni_csat") for each in expected.conversations] == [1]
    assert [each.score("weni_nps") for each in expected.conversations] == [None]
    assert len(expected.answers) == 3


def test_a_conversation_without_a_close_is_expected_in_progress() -> None:
    window = Window(external_id="w-1", conversation=1, contact_name="Ana")

    assert not conversation(*sent(CHAT, window)).is_closed
    assert conversation(*sent(CHAT, window, CLOSE)).is_closed
    invalid = expected_effects(sent(Invalid(reason="not_json")))
    assert invalid.conversations == []
    assert len(invalid.invalid) == 1


def test_an_unclosed_conversation_is_expected_unclassified_at_the_time_of_its_project() -> None:
    left_open = conversation(*sent(CHAT), p=NOON)
    closed = conversation(*sent(CHAT, CLOSE), p=NOON)
    elsewhere = conversation(*sent(CHAT), another=NOON)

    assert (left_open.resolution, left_open.closes_at) == (3, NOON)
    assert (closed.resolution, closed.closes_at) == (0, None)
    assert not elsewhere.is_closed
