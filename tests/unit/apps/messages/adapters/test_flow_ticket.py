"""A ticket of a flow engine is a takeover, if its adapter is on."""

import json
from typing import Any

import pytest

from apps.common.errors import InvalidEvent
from apps.messages.event_types import CLOSING, is_barrier, kind_of
from apps.messages.events import WindowEvent
from apps.messages.reading import decode_event, parse_event
from tests.support.builders import ABSENT, NOON, body, contact, message_body, place
from tests.support.dialects import TICKET, ticket_body


@pytest.fixture(autouse=True)
def _adapter_on(settings: Any) -> None:
    settings.EVENT_ADAPTERS = ["flow_ticket"]


def reason(body: str, **attributes: str) -> str:
    """Return the reason why an event is refused, which it must be."""
    with pytest.raises(InvalidEvent) as refused:
        parse_event(body=body, attributes=attributes, place=place())
    return refused.value.reason


def test_a_ticket_is_a_takeover_of_its_contact() -> None:
    event = parse_event(
        body=ticket_body(), attributes={"CorrelationID": "correlation-7"}, place=place()
    )

    assert isinstance(event, WindowEvent)
    assert (event.event_type, event.has_chats_room) == ("conversation.window", True)
    assert (event.contact, event.correlation_id) == (contact(), "correlation-7")


def test_a_ticket_is_a_barrier_before_any_step_has_read_it() -> None:
    document = decode_event(ticket_body(), {})

    assert is_barrier(document)
    assert kind_of(document) == CLOSING


def test_the_window_has_all_fields_of_the_ticket() -> None:
    data = decode_event(ticket_body(queue="support"), {})["data"]

    assert (data["ticket_uuid"], data["created_on"]) == (TICKET, NOON.isoformat())
    assert data["queue"] == "support"


def test_a_byte_order_mark_before_a_ticket_is_ignored() -> None:
    event = parse_event(body="\ufeff" + ticket_body(), place=place())

    assert isinstance(event, WindowEvent)


@pytest.mark.parametrize(
    ("field", "refused_for"),
    [("channel_uuid", "no_channel_uuid"), ("project_uuid", "missing_field")],
)
def test_a_ticket_without_an_id_is_refused_by_the_name_of_the_field(
    field: str, refused_for: str
) -> None:
    ticket = json.loads(ticket_body())
    del ticket[field]

    assert reason(json.dumps(ticket)) == refused_for


@pytest.mark.parametrize(
    "other",
    [
        {"event_type": "ticket.closed"},
        {"data": {"status": "closed"}},
    ],
    ids=lambda other: str(*other),
)
def test_a_body_with_more_than_a_ticket_says_is_not_a_ticket(other: dict[str, Any]) -> None:
    assert reason(ticket_body(**other)) == "unknown_event_type"


def test_a_body_whose_attribute_names_another_type_is_not_a_ticket() -> None:
    assert reason(ticket_body(), event_type="ticket.closed") == "unknown_event_type"
    assert reason(ticket_body(), event_type="conversation.close") == "missing_field"


@pytest.mark.parametrize("missing", ["ticket_uuid", "contact_urn", "created_on"])
def test_a_body_without_a_field_that_marks_a_ticket_is_not_a_ticket(missing: str) -> None:
    ticket = json.loads(ticket_body())
    del ticket[missing]

    assert reason(json.dumps(ticket)) == "unknown_event_type"


def test_an_event_of_this_service_stays_as_it_is() -> None:
    fields = json.loads(ticket_body())
    typed = message_body(event=fields)
    by_attribute = body(event_type="", data={"external_id": "w"}, event={"event_type": ABSENT})

    assert decode_event(typed, {}) == json.loads(typed)
    window = parse_event(
        body=by_attribute, attributes={"event_type": "conversation.window"}, place=place()
    )
    assert isinstance(window, WindowEvent)
    assert not window.has_chats_room


def test_without_the_adapter_a_ticket_is_refused(settings: Any) -> None:
    settings.EVENT_ADAPTERS = []

    assert reason(ticket_body()) == "unknown_event_type"
