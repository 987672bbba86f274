"""The type in a message attribute counts if the body has none."""

from dataclasses import replace
from typing import Any

import pytest

from apps.common.errors import InvalidEvent
from apps.messages.event_types import is_barrier
from apps.messages.reading import attribute_names, decode_event, describe_event, parse_event
from celery_sqs_fifo import BatchItem
from observability.log_fields import event_fields
from tests.support.builders import ABSENT, close_body, message_body, place, queued_event

RECEIVED = {"event_type": "message.received"}


@pytest.mark.parametrize("none", [ABSENT, None, "", " "])
def test_the_type_in_the_attribute_counts_if_the_body_has_none(none: Any) -> None:
    body = message_body(event={"event_type": none})

    event = parse_event(body=body, attributes=RECEIVED, place=place())

    assert event == parse_event(body=message_body(), place=place())


def test_a_type_in_the_attribute_makes_an_event_a_barrier() -> None:
    body = close_body().replace('"event_type"', '"other"')

    assert not is_barrier(decode_event(body, {}))
    assert is_barrier(decode_event(body, {"event_type": "conversation.close"}))


@pytest.mark.parametrize("named", ["conversation.close", "something else"])
def test_the_type_in_the_body_counts_and_the_other_one_is_noted(named: str) -> None:
    event = parse_event(body=message_body(), attributes={"event_type": named}, place=place())

    same = parse_event(body=message_body(), attributes=RECEIVED, place=place())
    assert same.attribute_type == ""
    assert event == replace(same, attribute_type=named)


@pytest.mark.parametrize("body_type", ["unknown", 1, [], {}])
def test_a_body_with_an_unknown_type_is_refused_whatever_the_attribute_says(body_type: Any) -> None:
    body = message_body(event={"event_type": body_type})

    with pytest.raises(InvalidEvent) as refused:
        parse_event(body=body, attributes=RECEIVED, place=place())
    assert refused.value.reason == "unknown_event_type"


def test_log_lines_about_an_event_that_no_step_has_read_have_the_type_of_the_attribute() -> None:
    body = message_body(event={"event_type": ABSENT})

    item = BatchItem(queued_event(body=body, attributes=RECEIVED))

    assert event_fields(item)["event_type"] == "message.received"


def test_an_event_that_cannot_be_read_has_no_description(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert describe_event("not JSON", {}) is None

    def fails(_name: str) -> None:
        raise TypeError

    settings.EVENT_ADAPTERS = ["faulty"]
    monkeypatch.setattr("apps.messages.adapters.load", fails)
    assert describe_event("{}", {}) is None


def test_the_attributes_of_the_adapters_are_read_only_if_they_are_on(settings: Any) -> None:
    assert attribute_names() == ["event_type"]

    settings.EVENT_ADAPTERS = ["sns", "flow_ticket"]
    assert attribute_names() == ["event_type", "CorrelationID"]
