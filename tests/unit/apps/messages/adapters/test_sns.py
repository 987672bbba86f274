"""An event in an SNS envelope is read as if it had come alone, if the adapter is on."""

from dataclasses import replace
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.common.errors import InvalidEvent
from apps.messages.event_types import is_barrier
from apps.messages.events import WindowEvent
from apps.messages.reading import decode_event, parse_event
from tests.support.builders import ABSENT, close_body, message_body, place, survey_body
from tests.support.dialects import in_envelope, ticket_body
from tests.support.json_documents import json_texts, texts


@pytest.fixture(autouse=True)
def _adapter_on(settings: Any) -> None:
    settings.EVENT_ADAPTERS = ["sns"]


def refused(body: str) -> InvalidEvent:
    """Return the error for which an event is refused."""
    with pytest.raises(InvalidEvent) as caught:
        parse_event(body=body, place=place())
    return caught.value


@pytest.mark.parametrize("body", [message_body(), survey_body(), close_body()])
def test_the_event_in_an_envelope_is_the_event_itself(body: str) -> None:
    assert parse_event(body=in_envelope(body), place=place()) == parse_event(
        body=body, place=place()
    )


@hypothesis_settings(max_examples=100, deadline=None)
@given(text=texts(), extra=json_texts(), mark=st.sampled_from(["", "\ufeff", "\n"]))
def test_an_envelope_changes_no_text_and_no_number(text: str, extra: str, mark: str) -> None:
    body = message_body(message={"text": text, "extra": "EXTRA"}).replace('"EXTRA"', extra)

    with override_settings(EVENT_ADAPTERS=["sns"]):
        wrapped = parse_event(body=mark + in_envelope(mark + body), place=place())

    assert wrapped == parse_event(body=body, place=place())


def test_the_type_may_be_in_the_attributes_of_the_envelope() -> None:
    without_type = message_body(event={"event_type": ABSENT})
    body = in_envelope(without_type, attributes={"event_type": "message.sent"})

    assert parse_event(body=body, place=place()) == parse_event(
        body=without_type, attributes={"event_type": "message.sent"}, place=place()
    )


def test_attributes_of_the_envelope_count_before_those_of_the_queue() -> None:
    body = in_envelope(message_body(), attributes={"event_type": "message.sent"})
    plain = parse_event(body=message_body(), place=place())

    event = parse_event(body=body, attributes={"event_type": "conversation.close"}, place=place())

    assert event == replace(plain, attribute_type="message.sent")


@pytest.mark.parametrize(
    "attributes",
    [
        None,
        [],
        {"event_type": None},
        {"event_type": "message.sent"},
        {"event_type": {"Type": "String", "Value": 1}},
        {"event_type": {"Type": "Binary", "Value": "bWVzc2FnZS5zZW50"}},
    ],
)
def test_attributes_without_a_text_are_ignored(attributes: Any) -> None:
    body = in_envelope(message_body(event={"event_type": ABSENT}), MessageAttributes=attributes)

    assert refused(body).reason == "unknown_event_type"


@pytest.mark.parametrize("names", [["sns", "flow_ticket"], ["flow_ticket", "sns"]])
def test_an_envelope_may_contain_a_ticket(names: list[str], settings: Any) -> None:
    settings.EVENT_ADAPTERS = names
    body = in_envelope(ticket_body(), attributes={"CorrelationID": "correlation-7"})

    event = parse_event(body=body, place=place())

    assert is_barrier(decode_event(body, {}))
    assert isinstance(event, WindowEvent)
    assert (event.has_chats_room, event.correlation_id) == (True, "correlation-7")


def test_a_text_that_is_not_json_is_refused_with_its_place() -> None:
    error = refused(in_envelope("hello"))

    assert (error.reason, error.message) == (
        "not_json",
        "Message in the SNS envelope is not JSON: see line 1, column 1",
    )
    with pytest.raises(ValueError, match="Message in the SNS envelope is not JSON"):
        decode_event(in_envelope("hello"), {})


def test_a_text_that_is_not_an_object_is_refused() -> None:
    assert refused(in_envelope("[1]")).reason == "not_an_object"


def test_an_envelope_in_an_envelope_is_refused() -> None:
    assert refused(in_envelope(in_envelope(message_body()))).reason == "unknown_event_type"


@pytest.mark.parametrize(
    "fields",
    [{"Type": "SubscriptionConfirmation"}, {"TopicArn": None}, {"Message": {"event_type": "x"}}],
)
def test_other_messages_of_sns_are_refused(fields: dict[str, Any]) -> None:
    assert refused(in_envelope(message_body(), **fields)).reason == "unknown_event_type"


def test_without_the_adapter_an_envelope_is_refused(settings: Any) -> None:
    settings.EVENT_ADAPTERS = []

    assert refused(in_envelope(message_body())).reason == "unknown_event_type"
