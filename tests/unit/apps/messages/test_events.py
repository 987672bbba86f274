"""Producers' JSON bodies become events."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from apps.common.errors import InvalidEvent
from apps.common.lossless_json import restore
from apps.conversations.models import Resolution
from apps.conversations.services import WindowUpdate
from apps.messages.events import CloseEvent, MessageEvent, WindowEvent
from apps.messages.reading import parse_event
from tests.support.builders import (
    ABSENT,
    CHANNEL,
    NAME,
    NOON,
    PROJECT,
    TEXT,
    URN,
    WINDOW_NAME,
    arrival,
    close_body,
    contact,
    message_body,
    window_body,
)

SECRET = "canary-of-a-contact"


def parsed(body: str) -> Any:
    return parse_event(body=body, arrival=arrival())


@pytest.mark.parametrize(
    ("event_type", "from_contact"), [("message.received", True), ("message.sent", False)]
)
def test_a_message_is_read_with_all_fields(event_type: str, from_contact: bool) -> None:
    event = parsed(message_body(event_type=event_type))

    assert isinstance(event, MessageEvent)
    assert event.contact == contact()
    assert event.correlation_id == "correlation-1"
    assert (event.message_id, event.at, event.contact_name) == ("m-1", NOON, NAME)
    assert event.from_contact is from_contact
    assert event.answer is None
    assert event.entry is not None
    assert event.entry.event_type == event_type
    assert event.entry.message["text"] == TEXT
    assert event.entry.sequence_number == "1"


def test_a_close_has_the_resolution_of_the_conversation() -> None:
    event = parsed(close_body(resolution=1))

    assert isinstance(event, CloseEvent)
    assert event.resolution is Resolution.UNRESOLVED


def test_a_window_is_read() -> None:
    event = parsed(window_body(data={"has_chats_room": True}))

    assert isinstance(event, WindowEvent)
    assert event.has_chats_room
    assert event.window == WindowUpdate(external_id="w-1", contact_name=WINDOW_NAME)


@pytest.mark.parametrize(
    ("fields", "external_id", "name"),
    [
        ({"external_id": "w-1", "name": "Bia"}, "w-1", "Bia"),
        ({"external_id": ABSENT, "id": "w-2"}, "w-2", "Bia"),
        ({"external_id": ABSENT, "id": 42}, "42", "Bia"),
        ({"name": ABSENT, "contact_name": "Caio"}, "w-1", "Caio"),
        ({"external_id": ABSENT, "name": ABSENT}, "", ""),
        ({"external_id": None, "name": None}, "", ""),
        ({"external_id": None, "id": "w-2"}, "w-2", "Bia"),
        ({"external_id": "", "id": "w-2"}, "w-2", "Bia"),
        ({"contact_name": None}, "w-1", "Bia"),
    ],
)
def test_the_id_and_contact_of_a_window_have_several_names(
    fields: dict[str, Any], external_id: str, name: str
) -> None:
    event = parsed(window_body(data={"name": "Bia", **fields}))

    assert event.window == WindowUpdate(external_id=external_id, contact_name=name)


@pytest.mark.parametrize(
    ("value", "taken_over"), [(True, True), (False, False), (None, False), (ABSENT, False)]
)
def test_only_a_window_with_a_chats_room_is_a_takeover(value: Any, taken_over: bool) -> None:
    assert parsed(window_body(data={"has_chats_room": value})).has_chats_room is taken_over


@pytest.mark.parametrize(
    ("created_at", "at"),
    [
        ("2026-11-23T12:00:00Z", NOON),
        ("2026-11-23T12:00:00.120000Z", NOON.replace(microsecond=120_000)),
        ("2026-11-23T09:00:00-03:00", NOON),
        ("2026-11-23T17:45:00+05:45", NOON),
        ("20261123T120000Z", NOON),
        ("1969-12-31T23:59:59Z", datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_to_the_microsecond_in_utc(created_at: str, at: datetime) -> None:
    event = parsed(message_body(message={"created_at": created_at}))

    assert event.at == at
    assert event.at.tzinfo is UTC


@pytest.mark.parametrize("created_at", ["", None, ABSENT], ids=["empty", "null", "missing"])
def test_a_message_without_a_time_has_its_queue_time(created_at: Any) -> None:
    sent_at = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)

    event = parse_event(
        body=message_body(message={"created_at": created_at}), arrival=arrival(sent_at=sent_at)
    )

    assert isinstance(event, MessageEvent)
    assert event.at == sent_at


@pytest.mark.parametrize(
    "created_at",
    [
        "yesterday",
        "2026-11-23T12:00:00",
        "2026-11-23",
        "2026-02-30T12:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-01:00",
        1_795_000_000,
        True,
        ["2026-11-23T12:00:00Z"],
    ],
)
def test_a_malformed_time_and_a_time_without_an_offset_are_refused(created_at: Any) -> None:
    with pytest.raises(InvalidEvent) as caught:
        parsed(message_body(message={"created_at": created_at}))
    assert caught.value.reason == "malformed_field"


@pytest.mark.parametrize(
    ("fields", "message_id"),
    [
        ({"id": "a:tool:0"}, "a:tool:0"),
        ({"id": ABSENT, "message_id": "m-2"}, "m-2"),
        ({"id": None, "message_id": "m-2"}, "m-2"),
        ({"id": "", "message_id": "m-2"}, "m-2"),
        ({"id": "m-1", "message_id": "m-2"}, "m-1"),
        ({"id": 42}, "42"),
        ({"id": 0}, "0"),
        ({"id": "x" * 100_000}, "x" * 100_000),
    ],
)
def test_the_id_of_a_message_has_several_names(fields: dict[str, Any], message_id: str) -> None:
    assert parsed(message_body(message=fields)).message_id == message_id


def test_unknown_fields_are_kept() -> None:
    event = parsed(
        message_body(
            message={"attachments": [{"url": "https://example.org/a.png"}]},
            data={"flow": "sales"},
            event={"trace": "abc", "properties": {"x": 1}},
        )
    )

    assert event.entry.message["attachments"] == [{"url": "https://example.org/a.png"}]
    assert event.entry.extra == {
        "data": {"flow": "sales"},
        "event": {"trace": "abc", "properties": {"x": 1}},
    }


def test_text_that_stores_refuse_is_escaped_and_can_be_restored() -> None:
    original = {"id": "m-1", "text": "a\x00b \ud83d \\u0041", "n": 12345678901234567890}

    event = parsed(message_body(message=original))

    assert "\x00" not in event.entry.message["text"]
    assert restore(event.entry.message).items() >= original.items()


def test_numbers_keep_their_digits() -> None:
    text = message_body(message={"lat": 0}).replace('"lat": 0', '"lat": -23.5505199')

    assert parsed(text).entry.message["lat"] == Decimal("-23.5505199")


def test_a_redelivered_message_has_the_same_key_and_an_edit_a_different_one() -> None:
    first, again = parsed(message_body()), parsed(message_body(event={"trace": "other"}))
    edited = parsed(message_body(message={"text": "hello!"}))

    assert first.entry.key == again.entry.key
    assert first.entry.key != edited.entry.key


def test_the_repr_of_an_event_has_no_content() -> None:
    event = parsed(message_body(urn=SECRET, message={"text": SECRET, "contact_name": SECRET}))

    assert SECRET not in repr(event)
    assert SECRET not in repr(event.contact)
    assert SECRET not in repr(event.entry)


def test_a_contact_is_identified_by_project_channel_and_urn() -> None:
    event = parsed(message_body())

    assert event.contact.project_uuid == PROJECT
    assert event.contact.channel_uuid == CHANNEL
    assert event.contact.urn == URN
    assert isinstance(event.contact.project_uuid, UUID)
