"""JSON bodies of producers are parsed into events."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from apps.common.errors import InvalidEvent
from apps.common.lossless_json import restore
from apps.conversations.models import Resolution
from apps.conversations.windows import WindowUpdate
from apps.messages.event_types import CLOSING, kind_of
from apps.messages.events import CloseEvent, MessageEvent, WindowEvent
from apps.messages.reading import decode_event, parse_event
from tests.support.builders import (
    ABSENT,
    CHANNEL,
    HOME,
    NAME,
    NOON,
    PROJECT,
    TEXT,
    URN,
    WINDOW_NAME,
    close_body,
    contact,
    entry,
    message_body,
    place,
    status_body,
    survey_body,
    window_body,
)
from tests.support.stored_form import read_entry

SECRET = "canary-of-a-contact"
ONE_O_CLOCK = NOON + timedelta(hours=1)
NIL_UUID = "00000000-0000-0000-0000-000000000000"


def parsed(body: str) -> Any:
    return parse_event(body=body, place=place())


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
    assert event.entry.place == place()


@pytest.mark.parametrize("urn", [5584996765969, 5584996765969.0, " 5584996765969\t"])
def test_a_urn_may_be_a_number_or_have_blanks_around_it(urn: object) -> None:
    event = parsed(message_body(data={"contact_urn": urn}))

    assert event.contact == contact(urn="5584996765969")


def test_a_close_has_the_resolution_of_the_conversation() -> None:
    event = parsed(close_body(resolution=1))

    assert isinstance(event, CloseEvent)
    assert event.resolution is Resolution.UNRESOLVED


def test_a_window_is_read() -> None:
    event = parsed(window_body(data={"has_chats_room": True}))

    assert isinstance(event, WindowEvent)
    assert event.has_chats_room
    assert event.window == WindowUpdate(
        external_id="w-1", contact_name=WINDOW_NAME, start=NOON, end=NOON + timedelta(days=1)
    )


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
        ({"contact_name": "Channel 3"}, "w-1", "Bia"),
        ({"name": "", "contact_name": "Caio"}, "w-1", "Caio"),
        ({"external_id": NIL_UUID, "id": " w-2 "}, "w-2", "Bia"),
        ({"external_id": " ", "name": "  "}, "", ""),
        ({"name": " Bia "}, "w-1", "Bia"),
    ],
)
def test_the_id_and_contact_of_a_window_are_accepted_under_several_names(
    fields: dict[str, Any], external_id: str, name: str
) -> None:
    window = parsed(window_body(data={"name": "Bia", **fields})).window

    assert (window.external_id, window.contact_name) == (external_id, name)


@pytest.mark.parametrize(
    ("fields", "start", "end"),
    [
        ({"start": "2026-11-23T09:00:00-03:00", "end": "2026-11-23T13:00:00Z"}, NOON, ONE_O_CLOCK),
        ({"start_date": "2026-11-23T12:00:00Z", "end_date": None}, NOON, None),
        ({"start": None, "start_date": "2026-11-23T12:00:00Z"}, NOON, None),
        ({"start": "0001-01-01T00:00:00Z", "start_date": "2026-11-23T12:00:00Z"}, NOON, None),
        ({"end": 0, "end_date": "2026-11-23T12:00:00Z"}, None, NOON),
        ({"start": "0001-01-01T00:00:00Z", "end": "9999-12-31T23:59:59-03:00"}, None, None),
        ({}, None, None),
    ],
)
def test_the_times_of_a_window_are_read_unless_they_were_never_set(
    fields: dict[str, Any], start: datetime | None, end: datetime | None
) -> None:
    window = parsed(window_body(data={"start": ABSENT, "end": ABSENT, **fields})).window

    assert (window.start, window.end) == (start, end)


@pytest.mark.parametrize(
    ("fields", "ticket", "agent"),
    [
        ({"ticket_uuid": "t-1", "agent_uuid": "a-1"}, "t-1", "a-1"),
        ({"ticket_id": 42, "agent_id": "a-1"}, "42", "a-1"),
        ({"ticket": {"uuid": "t-1", "queue": "x"}, "agent": {"id": 7, "name": "Eva"}}, "t-1", "7"),
        ({"ticket_uuid": NIL_UUID, "agent": {"name": "Eva"}}, "", ""),
        ({"ticket_uuid": NIL_UUID, "ticket_id": 42.0}, "42", ""),
        ({"ticket_uuid": {"name": "x"}, "ticket_id": " t-2 "}, "t-2", ""),
        ({"ticket": {"uuid": NIL_UUID, "id": 7}, "agent_uuid": NIL_UUID.replace("-", "")}, "7", ""),
        ({"ticket_uuid": None, "agent_uuid": ""}, "", ""),
        ({}, "", ""),
    ],
)
def test_the_ticket_and_agent_of_a_window_are_accepted_under_several_names(
    fields: dict[str, Any], ticket: str, agent: str
) -> None:
    window = parsed(window_body(data=fields)).window

    assert (window.ticket_uuid, window.agent_uuid) == (ticket, agent)


@pytest.mark.parametrize("value", [False, True, ["t-1"], [], {"uuid": {"x": 1}}])
def test_a_ticket_that_is_neither_text_nor_a_number_is_refused(value: Any) -> None:
    with pytest.raises(InvalidEvent, match="it is not text"):
        parsed(window_body(data={"ticket_uuid": value}))


@pytest.mark.parametrize("nil", [NIL_UUID, NIL_UUID.replace("-", "")])
@pytest.mark.parametrize("event_type", ["message.received", "message.sent", "message.deleted"])
def test_a_message_whose_id_was_never_set_is_refused(event_type: str, nil: str) -> None:
    with pytest.raises(InvalidEvent, match="it is the nil UUID") as caught:
        parsed(message_body(event_type=event_type, message={"id": nil}))
    assert caught.value.reason == "missing_field"


@pytest.mark.parametrize(
    "body",
    [
        message_body(message={"id": "x" * 25_001}),
        message_body(event={"correlation_id": "x" * 25_001}),
    ],
    ids=["id", "correlation_id"],
)
def test_an_id_that_is_too_long_is_refused(body: str) -> None:
    with pytest.raises(InvalidEvent, match="at most 25000 characters"):
        parsed(body)


@pytest.mark.parametrize("key", [{"kid": "1"}, ["a"], True, "x" * 256])
def test_a_key_that_does_not_count_is_not_read(key: Any) -> None:
    sent = message_body(event_type="message.sent", data={"key": key}, event={"key": key})
    answer = message_body(data={"key": "weni_csat", "value": "5"}, event={"key": key})

    assert parsed(sent).answer is None
    assert parsed(answer).answer.score == 5


@pytest.mark.parametrize(
    ("name", "source", "of_contact"),
    [
        ("System", "system", ""),
        ("Ana", "system", "Ana"),
        ("System", "incoming", "System"),
        ("  ", "incoming", ""),
        (" Ana ", "incoming", "Ana"),
    ],
)
def test_the_name_of_the_system_is_not_the_contacts(
    name: str, source: str, of_contact: str
) -> None:
    body = message_body(message={"contact_name": name, "source": source})

    assert parsed(body).contact_name == of_contact


@pytest.mark.parametrize(
    ("fields", "is_shown"),
    [
        ({}, False),
        ({"attachments": [], "interactive": None, "flag": False, "note": " "}, False),
        ({"text": " \n"}, False),
        ({"attachments": ["image/png:https://example.org/1.png"]}, True),
        ({"interactive": {"type": "button_reply"}}, True),
    ],
)
def test_the_message_of_an_answer_is_shown_if_it_says_something(
    fields: dict[str, Any], is_shown: bool
) -> None:
    assert (parsed(survey_body(message=fields)).entry is not None) is is_shown


def test_a_status_is_read_with_blanks_around_its_urn_and_not_kept_with_a_huge_id() -> None:
    assert parsed(status_body(urn=f" {URN} ")).contact == contact()
    assert not parsed(status_body(message_id="x" * 25_001)).can_be_kept


@pytest.mark.parametrize(
    ("value", "taken_over"),
    [
        (True, True),
        ("true", True),
        (" true ", True),
        ("yes", True),
        (1, True),
        (False, False),
        ("", False),
        (None, False),
        (ABSENT, False),
    ],
)
def test_only_a_window_with_a_chats_room_is_a_takeover(value: Any, taken_over: bool) -> None:
    body = window_body(data={"has_chats_room": value})

    assert parsed(body).has_chats_room is taken_over
    assert (kind_of(decode_event(body, {})) == CLOSING) is taken_over


def test_the_blanks_around_a_time_that_is_not_plausible_are_not_kept() -> None:
    event = parsed(message_body(message={"created_at": f"{' ' * 1_000}2099-01-01T00:00:00Z\n"}))

    assert event.entry.stamped == "2099-01-01T00:00:00Z"


def test_blanks_around_a_uuid_are_ignored() -> None:
    event = parsed(message_body(data={"project_uuid": f" {PROJECT}\n"}))

    assert event.contact.project_uuid == PROJECT


@pytest.mark.parametrize(
    ("created_at", "at"),
    [
        ("2026-11-23T12:00:00Z", NOON),
        ("2026-11-23T12:00:00.120000Z", NOON.replace(microsecond=120_000)),
        ("2026-11-23T09:00:00-03:00", NOON),
        ("2026-11-23T17:45:00+05:45", NOON),
        ("20261123T120000Z", NOON),
        ("2000-01-01T00:00:00Z", datetime(2000, 1, 1, tzinfo=UTC)),
        ("2026-11-23T12:05:00Z", NOON + timedelta(minutes=5)),
    ],
)
def test_a_time_is_read_to_the_microsecond_in_utc(created_at: str, at: datetime) -> None:
    event = parsed(message_body(message={"created_at": created_at}))

    assert event.at == at
    assert event.at.tzinfo is UTC
    assert event.entry.stamped == ""


@pytest.mark.parametrize(
    "created_at",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "1970-01-01T00:00:00Z",
        "1999-12-31T23:59:59.999999Z",
        "2026-11-23T12:05:00.000001Z",
        "2099-01-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_the_queue_time_stands_in_for_a_time_that_is_not_plausible(created_at: str) -> None:
    event = parsed(message_body(message={"created_at": created_at}))

    assert event.at == event.entry.at == NOON
    assert event.entry.stamped == event.entry.message["created_at"] == created_at
    assert event.entry.as_json(home=HOME)["stamped"] == created_at


@pytest.mark.parametrize(
    "created_at", ["", " ", None, ABSENT], ids=["empty", "blank", "null", "missing"]
)
def test_a_message_without_a_time_has_its_queue_time(created_at: Any) -> None:
    sent_at = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)

    event = parse_event(
        body=message_body(message={"created_at": created_at}), place=place(queue_time=sent_at)
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
        True,
        ["2026-11-23T12:00:00Z"],
    ],
)
def test_a_malformed_time_and_a_time_without_an_offset_are_refused(created_at: Any) -> None:
    with pytest.raises(InvalidEvent) as caught:
        parsed(message_body(message={"created_at": created_at}))
    assert caught.value.reason == "malformed_field"
    assert "write it like 2026-01-31T12:00:00Z" in caught.value.message


@pytest.mark.parametrize(
    ("fields", "message_id"),
    [
        ({"id": "a:tool:0"}, "a:tool:0"),
        ({"id": ABSENT, "message_id": "m-2"}, "m-2"),
        ({"id": None, "message_id": "m-2"}, "m-2"),
        ({"id": " ", "message_id": "m-2"}, "m-2"),
        ({"id": "m-1", "message_id": "m-2"}, "m-1"),
        ({"id": 42}, "42"),
        ({"id": 0}, "0"),
        ({"id": "x" * 25_000}, "x" * 25_000),
        ({"id": "00000000-0000-0000-0000-000000000000", "message_id": "m-2"}, "m-2"),
        ({"id": 42.0}, "42"),
    ],
)
def test_the_id_of_a_message_is_accepted_under_several_names(
    fields: dict[str, Any], message_id: str
) -> None:
    assert parsed(message_body(message=fields)).message_id == message_id


def test_a_time_in_a_number_is_kept_and_shown_as_it_was_sent() -> None:
    event = parsed(message_body(message={"created_at": 0}))

    assert event.at == NOON
    assert (event.entry.stamped, event.entry.message["created_at"]) == ("0", 0)


def test_a_text_may_be_an_object_which_is_kept() -> None:
    text = {"body": "hello", "preview_url": False}

    event = parsed(message_body(message={"text": text}))

    assert event.entry.message["text"] == text
    with_answer = {"key": "weni_csat", "value": "5"}
    answer = parsed(message_body(message={"text": text, "source": "system"}, data=with_answer))
    assert answer.entry is not None


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


def test_the_key_of_a_message_is_its_place_and_nothing_that_a_producer_wrote() -> None:
    hostile = message_body(message={"id": "m-1#0000", "text": SECRET, "created_at": ""})
    event = parse_event(body=hostile, place=place(sequence_number=18_873_000_000_000_000_000))

    assert isinstance(event, MessageEvent)
    assert event.entry
    assert event.entry.key(home=HOME) == "18873000000000000000-1795435200000"
    foreign = event.entry.key(home="another group")
    assert re.fullmatch(r"\+18873000000000000000-1795435200000-[0-9a-f]{8}", foreign)
    assert read_entry(event.entry.as_json(home="x"), home="x") == event.entry
    assert read_entry(event.entry.as_json(home=HOME)) == event.entry


def test_keys_sort_by_sequence_number_behind_those_of_other_groups() -> None:
    numbers = (1, 9, 10, 10**19, 10**20, 10**38)
    entries = [entry(sequence_number=number) for number in numbers]
    keys = [one.key(home=HOME) for one in entries]
    foreign = [one.key(home="another group") for one in entries]

    assert sorted([*keys, *foreign]) == [*foreign, *keys]


def test_the_same_message_received_and_sent_has_two_keys() -> None:
    """A platform may send a contact's message back with the same id and time."""
    received, sent = (
        parsed(message_body(event_type=event_type, message={"source": "echo"}))
        for event_type in ("message.received", "message.sent")
    )

    assert received.entry.message == sent.entry.message
    assert received.entry.key != sent.entry.key


def test_the_repr_of_an_event_has_no_content() -> None:
    event = parsed(
        message_body(
            urn=SECRET,
            message={"text": SECRET, "contact_name": SECRET},
            event={"correlation_id": SECRET},
        )
    )

    assert SECRET not in repr(event)
    assert SECRET not in repr(event.contact)
    assert SECRET not in repr(event.entry)


def test_a_contact_is_identified_by_project_channel_and_urn() -> None:
    event = parsed(message_body())

    assert event.contact.project_uuid == PROJECT
    assert event.contact.channel_uuid == CHANNEL
    assert event.contact.urn == URN
    assert isinstance(event.contact.project_uuid, UUID)
