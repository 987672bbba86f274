"""An event that is made again from its stored message is the same event."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.common.errors import InvalidEvent
from apps.common.lossless_json import dump, load
from apps.messages.contract.schemas import body_schemas
from apps.messages.events import MessageEvent
from apps.messages.reading import parse_event
from apps.messages.rebuilding import body_of, event_of
from celery_sqs_fifo.place import Place
from tests.support.builders import HOME, contact, message_body, place, survey_body
from tests.support.json_documents import json_documents, json_texts
from tests.support.schema_strategies import allowed_by

MESSAGES = ("message.received", "message.sent")


def parsed(body: str, *, at: Place | None = None) -> MessageEvent | None:
    """Return the event in a body, or None if it has no message that is stored."""
    try:
        event = parse_event(body=body, place=at or place())
    except InvalidEvent:
        return None
    return event if isinstance(event, MessageEvent) and event.entry else None


def stored(event: MessageEvent, *, home: str = HOME) -> dict[str, Any]:
    """Return the message of an event as it is read from a store."""
    assert event.entry is not None
    document: dict[str, Any] = load(dump(event.entry.as_json(home=home)))
    return document


def assert_is_the_same_again(event: MessageEvent) -> None:
    again = event_of(stored(event), contact=event.contact, home=HOME)

    assert again == event
    assert dump(stored(again)) == dump(stored(event))


@pytest.mark.parametrize("name", MESSAGES)
@settings(max_examples=40)
@given(data=st.data())
def test_any_body_that_the_contract_allows_is_the_same_again(
    name: str, data: st.DataObject
) -> None:
    body = {**data.draw(allowed_by(body_schemas()[name])), "event_type": name}

    if event := parsed(json.dumps(body)):
        assert_is_the_same_again(event)


@settings(max_examples=60)
@given(of_message=json_documents(), of_data=json_texts(), of_event=json_documents())
def test_unknown_fields_are_the_same_again(of_message: Any, of_data: str, of_event: Any) -> None:
    body = json.loads(message_body(message={"x": of_message}, event={"x": of_event}))
    body["data"]["x"] = "HERE"
    text = json.dumps(body).replace('"HERE"', of_data, 1)

    if event := parsed(text):
        assert_is_the_same_again(event)


BODIES = {
    "an answer": survey_body(message={"text": "5", "source": "incoming"}),
    "an answer at the top level": message_body(event={"key": "weni_nps", "value": 7.0}),
    "an answer that is no score": survey_body(value="seven", message={"text": "7"}),
    "a number as correlation id": message_body(event={"correlation_id": 17}),
    "no correlation id": message_body(event={"correlation_id": None}),
    "an implausible time": message_body(message={"created_at": "2099-01-01T00:00:00Z"}),
    "seconds as time": message_body(message={"created_at": 1_764_000_000}),
    "another name of the id": message_body(message={"id": None, "message_id": "other"}),
    "an object as text": message_body(message={"text": {"body": "hello"}}),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_an_event_is_the_same_again(body: str) -> None:
    event = parsed(body)
    assert event is not None
    assert_is_the_same_again(event)


def test_an_event_of_another_group_has_its_group_again() -> None:
    event = parsed(message_body(), at=place(group="another"))
    assert event is not None

    assert event_of(stored(event), contact=event.contact, home=HOME) == event


def test_the_type_in_an_attribute_is_in_the_body() -> None:
    body = json.loads(message_body())
    del body["event_type"]
    event = parse_event(
        body=json.dumps(body), place=place(), attributes={"event_type": "message.sent"}
    )
    assert isinstance(event, MessageEvent)

    again = body_of(stored(event), contact=contact())

    assert json.loads(again)["event_type"] == "message.sent"


def test_a_deleted_message_has_no_event() -> None:
    event = parsed(message_body())
    assert event is not None
    document = {**stored(event), "message": {}, "deleted": {"at": "", "place": ""}}

    assert event_of(document, contact=contact(), home=HOME) is None
