"""A delivery status is never malformed, and is neither a barrier nor alone in its batch."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given

from apps.messages.event_types import STATUS, goes_alone, is_barrier, kind_of
from apps.messages.events import StatusEvent
from apps.messages.reading import parse_event
from tests.support.builders import ABSENT, contact, place, status_body
from tests.support.json_documents import json_documents

NOBODY = contact(urn="", project=UUID(int=0), channel=UUID(int=0))


def parsed(body: str) -> StatusEvent:
    event = parse_event(body=body, place=place())
    assert isinstance(event, StatusEvent)
    return event


@pytest.mark.parametrize(
    ("written", "status"),
    [
        ("sent", "sent"),
        ("delivered", "delivered"),
        (" READ ", "read"),
        ("failed", "failed"),
        ("seen", "other"),
        (7, "other"),
        (None, "other"),
        (["read"], "other"),
        (ABSENT, "other"),
    ],
)
def test_a_status_is_one_of_four_or_another(written: Any, status: str) -> None:
    assert parsed(status_body(status=written)).status == status


def test_a_status_names_a_message_to_the_contact_unless_it_says_otherwise() -> None:
    assert parsed(status_body()).identity == "sent:m-1"
    assert parsed(status_body(direction="received")).identity == "received:m-1"
    assert parsed(status_body(direction="sideways")).identity == "sent:m-1"


def test_a_status_of_nobody_is_read_and_cannot_be_kept() -> None:
    event = parsed('{"event_type": "message.status"}')

    assert (event.contact, event.status, event.message_id) == (NOBODY, "other", "")
    assert not event.can_be_kept
    assert parsed(status_body()).can_be_kept
    assert not parsed(status_body(message_id="")).can_be_kept
    assert not parsed(status_body(status="seen")).can_be_kept
    assert parsed(status_body(message_id="x" * 1_000)).can_be_kept
    assert not parsed(status_body(message_id="x" * 1_001)).can_be_kept


@given(json_documents(), json_documents())
def test_no_status_is_refused(data: Any, value: Any) -> None:
    parsed(json.dumps({"event_type": "message.status", "data": data, "correlation_id": value}))
    for name in ("project_uuid", "channel_uuid", "contact_urn", "message", "direction"):
        parsed(status_body(**{name: value}))
    parsed(status_body(message={"id": value, "status": value}))


def test_a_status_shares_its_batch_and_is_a_kind_of_its_own() -> None:
    document = json.loads(status_body())

    assert (is_barrier(document), goes_alone(document)) == (False, False)
    assert kind_of(document) == STATUS
